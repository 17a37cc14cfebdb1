import assert from "node:assert/strict";
import { IS_ANSWER, IS_ANSWERED, isAnswerTo, MESSAGE_TYPES, VERSIONS } from "../../parsers/wialon_ips.ts";
import type { Meaning } from "../../parsers/wialon_types_table.ts";
import { answer, ANSWER_CODES, type AnswerType } from "../helpers/wialon/messages.ts";
import { type Read, read } from "./wialon_reader.ts";

/** By type and by what stands in the answer. */
const ANSWERS: Readonly<Record<string, Readonly<Record<string, Meaning>>>> = {
  AL: { "1": "accepted", "0": "rejected", "01": "wrong_password", "10": "wrong_checksum", "11": "unknown" },
  ASD: {
    "-1": "wrong_structure",
    "0": "wrong_time",
    "1": "accepted",
    "10": "wrong_coordinates",
    "11": "wrong_movement",
    "12": "wrong_satellites",
    "13": "wrong_checksum",
    "14": "unknown",
    "16": "unknown",
  },
  AD: {
    "-1": "wrong_structure",
    "0": "wrong_time",
    "1": "accepted",
    "10": "wrong_coordinates",
    "11": "wrong_movement",
    "12": "wrong_satellites",
    "13": "wrong_inputs",
    "14": "wrong_analog_inputs",
    "15": "wrong_parameters",
    "16": "wrong_checksum",
    "17": "unknown",
  },
  AB: {
    "": "wrong_checksum",
    "0": "rejected",
    "1": "accepted",
    "3": "accepted",
    "5000": "accepted",
    "99999999999": "accepted",
    "-1": "unknown",
    "x": "unknown",
    "1.5": "unknown",
  },
  AP: { "": "accepted", "1": "unknown" },
  AM: { "1": "accepted", "0": "rejected", "01": "wrong_checksum", "": "unknown", "2": "unknown" },
  AI: {
    "0;1": "accepted",
    "12;1": "accepted",
    "0;0": "rejected",
    "0;01": "wrong_checksum",
    "NA;0": "rejected",
    "1": "accepted",
    "0;2": "unknown",
    "0;": "unknown",
  },
  AIT: { "1": "accepted", "0": "rejected", "01": "wrong_checksum", "10": "unknown" },
  AT: {
    "0;1": "accepted",
    "0;0": "rejected",
    "7;0": "rejected",
    "0;01": "wrong_checksum",
    "7;01": "wrong_checksum",
    "NA;0": "rejected",
    "1": "accepted",
    "7;": "unknown",
  },
};

for (const [type, codes] of Object.entries(ANSWERS)) {
  Deno.test(`read() tells what ${type} means`, () => {
    for (const code of ANSWER_CODES[type as AnswerType]) assert(code in codes, `${type} ${code}`);
    for (const [code, meaning] of Object.entries(codes)) {
      for (const version of VERSIONS) {
        assert.deepEqual(read(answer(type as AnswerType, code), { version }), { type, version, meaning });
      }
    }
  });
}

Deno.test("read() takes no code for another that is written in another way", () => {
  const codes = ["\0", "\x001", "\0\x001", "00", "001", "0001", "+1", "1 ", " 1", "1\r", "1.", "１", "-01"];
  for (const type of Object.keys(ANSWERS)) {
    for (const code of codes) {
      const isCount = type === "AB" && /^\d+$/.test(code), { meaning } = read(`#${type}#${code}`) as Read;
      assert.equal(meaning, isCount ? "accepted" : "unknown", JSON.stringify(`${type} ${code}`));
    }
  }
});

Deno.test("an answer answers what it is for, and AD also SD", () => {
  const asked: Readonly<Record<string, readonly string[]>> = {
    ...{ AL: ["L"], ASD: ["SD"], AD: ["SD", "D"], AB: ["B"], AP: ["P"], AM: ["M"], AI: ["I"] },
    ...{ AIT: ["IT"], AT: ["T"] },
  };
  for (const [type, name] of MESSAGE_TYPES.entries()) {
    const answered = MESSAGE_TYPES.filter((_, other) => isAnswerTo(type, other));
    assert.deepEqual(answered, asked[name] ?? []);
    assert.equal(IS_ANSWER[type], name in asked);
    assert.equal(IS_ANSWERED[type], Object.values(asked).flat().includes(name));
  }
});
