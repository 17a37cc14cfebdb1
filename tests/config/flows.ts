import { listenAddress } from "../../core/listen_address.ts";
import { collector } from "../../core/collector.ts";
import { recordType } from "../../core/record.ts";
import { boolean, choice, list, number, optional, record, setting, text } from "../../core/shape.ts";

const FLOWS = recordType({
  name: "flows",
  kind: "stream",
  help: "Flows of a network.",
  fields: {
    source_address: { type: "ip", help: "Where from" },
    source_port: { type: "number", max: 65535, help: "Port where from" },
    bytes: { type: "number", help: "How much" },
    packets: { type: "number", help: "How many" },
  },
});

/** A collector with a setting of each form, which is off by default. */
export const flows = collector({
  name: "flows",
  help: "The flows of a network",
  enabled: false,
  schedule: "scrape",
  privileges: [],
  records: [FLOWS],
  rules: [{
    name: "flow_bytes_total",
    help: "Bytes.",
    source: "flows",
    value: "bytes",
    labels: ["source_port"],
  }],
  settings: {
    listen_address: setting(list(listenAddress), [{ hostname: undefined, port: 2055 }], {
      help: "Where flows arrive",
      shown: ":2055",
    }),
    interface: setting(text, "any", { help: "Where to capture", alias: "i" }),
    mode: setting(choice(["sampled", "whole"]), "whole", { help: "What flows stand for" }),
    verify: setting(boolean, true, { help: "Whether to verify" }),
    limits: setting(
      record({ max_templates: setting(number({ min: 1 }), 100, { help: "Templates at most" }) }),
      { max_templates: 100 },
      { help: "Limits" },
    ),
    access: optional(record({ user: optional(text, { help: "Who may read it" }) }), {
      help: "Who may read it",
      flag: null,
    }),
    token: optional(text, { help: "A token", flag: null }),
  },
  reasons: [],
  open: () => ({}),
});
