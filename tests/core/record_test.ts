import assert from "node:assert/strict";
import { recordType } from "../../core/record.ts";

const FLOW = recordType({
  name: "flow",
  help: "A flow.",
  kind: "stream",
  fields: {
    source_ip: { type: "ip", help: "Where it comes from." },
    protocol: { type: "choice", choices: ["tcp", "udp"], help: "How it is carried." },
    bytes: { type: "number", help: "How much it carried." },
  },
});

Deno.test("recordType() gives each field a column, in the order of the fields", () => {
  assert.deepEqual(FLOW.at, { source_ip: 0, protocol: 1, bytes: 2 });
});

Deno.test("recordType() keeps the fields as they are", () => {
  assert.deepEqual(FLOW.fields.protocol, {
    type: "choice",
    choices: ["tcp", "udp"],
    help: "How it is carried.",
  });
});

Deno.test("recordType() keeps the name, the help and the kind", () => {
  const { name, help, kind } = FLOW;
  assert.deepEqual({ name, help, kind }, { name: "flow", help: "A flow.", kind: "stream" });
});

Deno.test("recordType() gives a type without fields no columns", () => {
  assert.deepEqual(recordType({ name: "empty", help: "Nothing.", kind: "snapshot", fields: {} }).at, {});
});
