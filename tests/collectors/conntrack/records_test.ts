import assert from "node:assert/strict";
import {
  CONNECTIONS,
  EVENTS,
  fillConnection,
  fillRemains,
  fillState,
  TRAFFIC,
} from "../../../collectors/conntrack/records.ts";
import { ConntrackEntry } from "../../../parsers/conntrack_entry.ts";

/** Of `10.0.0.1:40000 -> 10.0.0.2:80`, with numbers for the addresses. */
const PLAIN = {
  protocol: 6,
  source: 1,
  destination: 2,
  sourcePort: 40_000,
  destinationPort: 80,
  replySource: 2,
  replyDestination: 1,
  replySourcePort: 80,
  replyDestinationPort: 40_000,
};

function natOf(entry: Partial<ConntrackEntry>): string | undefined {
  const row = new Float64Array(Object.keys(CONNECTIONS.fields).length);
  fillState(row, Object.assign(new ConntrackEntry(), PLAIN, entry));
  return CONNECTIONS.fields.nat.choices[row[CONNECTIONS.at.nat]!];
}

const NATS = [
  { what: "the reply comes back as it went", entry: {}, nat: "none" },
  { what: "the reply goes to another address", entry: { replyDestination: 9 }, nat: "source" },
  { what: "the reply goes to another port", entry: { replyDestinationPort: 9 }, nat: "source" },
  { what: "the reply comes from another address", entry: { replySource: 9 }, nat: "destination" },
  { what: "the reply comes from another port", entry: { replySourcePort: 9 }, nat: "destination" },
  { what: "both addresses are others", entry: { replySource: 9, replyDestination: 8 }, nat: "both" },
  { what: "both ports are others", entry: { replySourcePort: 9, replyDestinationPort: 8 }, nat: "both" },
] as const;

for (const { what, entry, nat } of NATS) {
  Deno.test(`nat is ${nat} when ${what}`, () => assert.equal(natOf(entry), nat));
}

Deno.test("nat is none of a protocol without ports whose addresses are swapped", () => {
  const ports = {
    sourcePort: NaN,
    destinationPort: NaN,
    replySourcePort: NaN,
    replyDestinationPort: NaN,
  };
  assert.equal(natOf({ protocol: 1, ...ports }), "none");
});

Deno.test("The fields of a connection are at the same places in every record that is about one", () => {
  const row = new Float64Array(Object.keys(EVENTS.fields).length).fill(NaN);
  fillConnection(row, Object.assign(new ConntrackEntry(), PLAIN, { mark: 3 }));
  const filled = Object.keys(EVENTS.fields).filter((_, at) => !Number.isNaN(row[at]));
  assert.deepEqual(filled, Object.keys(EVENTS.fields).filter((name) => name !== "event"));
  for (const [name, at] of Object.entries(CONNECTIONS.at).slice(0, filled.length)) {
    assert.equal(TRAFFIC.at[name as keyof typeof TRAFFIC.at], at);
    assert.equal(EVENTS.at[name as keyof typeof EVENTS.at], at);
  }
});

Deno.test("Of what remains of a connection nothing is left of the one before", () => {
  const row = new Float64Array(Object.keys(EVENTS.fields).length).fill(NaN);
  fillConnection(row, Object.assign(new ConntrackEntry(), PLAIN, { mark: 3 }));
  fillRemains(row, { family: 6, protocol: 17, destinationPort: 53, zone: 4 });
  const filled = Object.keys(EVENTS.fields).filter((_, at) => !Number.isNaN(row[at]));
  assert.deepEqual(filled.sort(), ["ct_zone", "dport", "l3protocol", "l4protocol", "l7protocol"]);
  const at = EVENTS.at, { l3protocol, l4protocol, l7protocol } = EVENTS.fields;
  assert.equal(l3protocol.choices[row[at.l3protocol]!], "ipv6");
  assert.equal(l4protocol.choices[row[at.l4protocol]!], "udp");
  assert.equal(l7protocol.choices[row[at.l7protocol]!], "dns");
  assert.deepEqual([row[at.dport], row[at.ct_zone]], [53, 4]);
});
