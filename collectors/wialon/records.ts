import { recordType } from "../../core/record.ts";
import { FRAMING_FAULTS } from "../../parsers/wialon_framing.ts";
import { MESSAGE_TYPES, VERDICTS, VERSIONS } from "../../parsers/wialon_ips.ts";
import { MEANINGS } from "../../parsers/wialon_types_table.ts";
import { FATES } from "./reassembly.ts";

const PORT = 65_535;

export const SENDERS = ["device", "server"] as const;
export const TRANSPORTS = ["tcp", "udp"] as const;

const ENDS = {
  source_address: { type: "ip", help: "Who sends" },
  destination_address: { type: "ip", help: "To whom" },
  source_port: { type: "number", max: PORT, help: "Port of the sender" },
  destination_port: { type: "number", max: PORT, help: "Port of the receiver" },
  transport: { type: "choice", choices: TRANSPORTS, help: "Protocol that carries it" },
} as const;

export const MESSAGES = recordType({
  name: "wialon",
  help: "A message of Wialon IPS",
  kind: "stream",
  fields: {
    type: { type: "choice", choices: MESSAGE_TYPES, help: "What stands between its two #" },
    sender: { type: "choice", choices: SENDERS, help: "Which side has sent it" },
    ...ENDS,
    interface: { type: "text", help: "Where it was captured" },
    version: { type: "choice", choices: VERSIONS, help: "Version of the protocol" },
    compressed: { type: "choice", choices: ["no", "yes"], help: "Whether it came compressed" },
    checksum: { type: "choice", choices: VERDICTS, help: "Whether its checksum is right, if it has one" },
    meaning: { type: "choice", choices: MEANINGS, help: "What an answer says" },
    bytes: { type: "number", help: "Bytes of it as they came" },
    records: { type: "number", help: "Of a batch the messages in it, otherwise 1" },
    latency_seconds: { type: "number", help: "Of an answer: how long after the message it came" },
  },
});

export const ENDED_STREAMS = recordType({
  name: "wialon_ended_streams",
  help: "A direction of a connection that has ended",
  kind: "stream",
  fields: {
    ...ENDS,
    cause: {
      type: "choice",
      choices: ["end", "reset", "idle", "displaced"],
      help: "Why: displaced when there were too many",
    },
    duration_seconds: { type: "number", help: "From its first to its last packet with data" },
  },
});

export const STREAMS = recordType({
  name: "wialon_streams",
  help: "A direction of a connection that has carried data",
  kind: "snapshot",
  fields: {
    ...ENDS,
    age_seconds: { type: "number", help: "Since its first packet with data" },
    idle_seconds: { type: "number", help: "Since its last packet with data" },
  },
});

export const DEVICES = recordType({
  name: "wialon_devices",
  help: "A device that was seen of late",
  kind: "snapshot",
  fields: {
    version: { type: "choice", choices: VERSIONS, help: "Version of the protocol that it speaks" },
    idle_seconds: { type: "number", help: "Since its last message" },
  },
});

export const FAULTS = recordType({
  name: "wialon_faults",
  help: "Something in a stream that cannot be read",
  kind: "stream",
  fields: {
    ...ENDS,
    reason: { type: "choice", choices: FRAMING_FAULTS, help: "What is wrong" },
  },
});

export const CAPTURES = recordType({
  name: "wialon_captures",
  help: "An interface at which packets are captured",
  kind: "snapshot",
  fields: {
    interface: { type: "text", help: "Its name" },
    up: { type: "number", help: "1 while packets are captured there, otherwise 0" },
    opened: { type: "number", help: "How often the capture has begun" },
    packets: { type: "number", help: "Packets that were captured" },
    raw_packets: { type: "number", help: "Those of them with data: segments and datagrams" },
    dropped: { type: "number", help: "Packets for which the kernel had no room" },
    interface_dropped: { type: "number", help: "Packets that the interface has lost" },
  },
});

export const SEGMENTS = recordType({
  name: "wialon_segments",
  help: "Segments with data, by what became of them",
  kind: "snapshot",
  fields: {
    fate: {
      type: "choice",
      choices: FATES,
      help:
        "early: before others that it follows; repeated: known; overlapping: partly so; stray: of no place in its stream",
    },
    segments: { type: "number", help: "How many" },
    bytes: { type: "number", help: "Their data" },
  },
});

export const GAPS = recordType({
  name: "wialon_gaps",
  help: "Data that were sent and not seen",
  kind: "snapshot",
  fields: {
    gaps: { type: "number", help: "How often" },
    bytes: { type: "number", help: "How much" },
  },
});
