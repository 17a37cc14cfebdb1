import assert from "node:assert/strict";
import { ConntrackEntry } from "../../parsers/conntrack_entry.ts";

/** What every reader fills, and what is 0 where the kernel does not tell it; the rest is NaN then. */
const FILLED = ["id", "tuple", "family", "protocol"], ZERO = ["status", "mark", "zone"];

Deno.test("clear() leaves nothing of what was told of another connection", () => {
  const entry = new ConntrackEntry(), apart = [...FILLED, "counters"];
  const names = Object.keys(entry).filter((name) => !apart.includes(name));
  Object.assign(entry, Object.fromEntries(names.map((name, i) => [name, 1 + i])));
  entry.counters.forEach((_, i) => entry.counters[i] = i);
  entry.clear();
  const { id: _id, tuple: _tuple, family: _family, protocol: _protocol, counters, ...rest } = entry;
  const expected = Object.fromEntries(names.map((name) => [name, ZERO.includes(name) ? 0 : NaN]));
  assert.deepEqual({ ...rest }, expected);
  assert.deepEqual([...counters], [NaN, NaN, NaN, NaN]);
});
