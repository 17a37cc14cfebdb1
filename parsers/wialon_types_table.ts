/**
 * Wialon IPS, versions 1.1 and 2.0 as Gurtam describes them, and what is known of 2.1. Types that are not in here count
 * as `other`.
 */

/** What a message has for a checksum in version 2.0. */
export type Checksum = "none" | "text" | "binary";

interface MessageType {
  /** Which of its fields says how many bytes follow it, if some do. */
  readonly lengthField?: number;
  /** Whether a checksum is its last field: of the text before it, or of the bytes that follow. */
  readonly checksum?: Checksum;
  /** Of an answer: what is answered by it. */
  readonly answers?: readonly string[];
}

export const MESSAGE_TYPE_TABLE = {
  L: { checksum: "text" },
  SD: { checksum: "text" },
  D: { checksum: "text" },
  B: { checksum: "text" },
  P: {},
  M: { checksum: "text" },
  I: { lengthField: 0, checksum: "binary" },
  QI: {},
  QT: {},
  IT: { checksum: "text" },
  T: { lengthField: 1, checksum: "binary" },
  US: { lengthField: 0, checksum: "binary" },
  UC: { lengthField: 0, checksum: "binary" },
  AL: { answers: ["L"] },
  ASD: { answers: ["SD"] },
  // Some servers answer SD with it, too.
  AD: { answers: ["D", "SD"] },
  AB: { answers: ["B"] },
  AP: { answers: ["P"] },
  AM: { answers: ["M"] },
  AI: { answers: ["I"] },
  AIT: { answers: ["IT"] },
  AT: { answers: ["T"] },
  // A command of a server, which is a line without a type.
  command: {},
  other: {},
} as const satisfies Readonly<Record<string, MessageType>>;

export const MEANINGS = [
  "accepted",
  "rejected",
  "wrong_password",
  "wrong_checksum",
  "wrong_structure",
  "wrong_time",
  "wrong_coordinates",
  "wrong_movement",
  "wrong_satellites",
  "wrong_inputs",
  "wrong_analog_inputs",
  "wrong_parameters",
  "unknown",
] as const;
export type Meaning = (typeof MEANINGS)[number];

const OF_POSITIONS = {
  "-1": "wrong_structure",
  "0": "wrong_time",
  "1": "accepted",
  "10": "wrong_coordinates",
  "11": "wrong_movement",
  "12": "wrong_satellites",
} as const;

const OF_PARTS = { "1": "accepted", "0": "rejected", "01": "wrong_checksum" } as const;

/** What the last field of an answer means; of AB it is a number of messages. */
export const ANSWER_TABLE: Readonly<Record<string, Readonly<Record<string, Meaning>>>> = {
  AL: { "1": "accepted", "0": "rejected", "01": "wrong_password", "10": "wrong_checksum" },
  ASD: { ...OF_POSITIONS, "13": "wrong_checksum" },
  AD: {
    ...OF_POSITIONS,
    "13": "wrong_inputs",
    "14": "wrong_analog_inputs",
    "15": "wrong_parameters",
    "16": "wrong_checksum",
  },
  AB: { "": "wrong_checksum", "0": "rejected" },
  AP: { "": "accepted" },
  AM: OF_PARTS,
  AI: OF_PARTS,
  AIT: OF_PARTS,
  AT: OF_PARTS,
};
