import assert from "node:assert/strict";
import { type Rules, Session } from "./answers.ts";
import {
  blackBox,
  type Bytes,
  type Crc,
  data,
  type DataPoint,
  dataText,
  driverMessage,
  fileBlock,
  fileInfo,
  login,
  packet,
  ping,
  type Point,
  pointText,
  shortData,
  snapshot,
  snapshotQuery,
  textCommand,
  trickyBytes,
} from "./messages.ts";
import { PacketReader, textOf } from "./packets.ts";

const WRONG: Crc = { isWrong: true };

/** What a server says to packets, one after the other of the same device. */
function answersTo(packets: readonly Bytes[], rules: Rules = {}): (string | undefined)[] {
  const session = new Session(rules), reader = new PacketReader();
  return packets.flatMap((bytes) => reader.read(bytes)).map((packet) => {
    const answer = session.answer(packet);
    return answer === undefined ? undefined : textOf(answer).trim();
  });
}

/** What it says in version 2.0. */
function newAnswersTo(packets: readonly Bytes[]): (string | undefined)[] {
  return answersTo([login({ imei: "1" }, { version: "2.0" }), ...packets]).slice(1);
}

Deno.test("a login has its answer by what is wrong with it", () => {
  const rules: Rules = { password: "secret", refused: ["666"] }, version = "2.0";
  const packets = [
    login({ imei: "1", password: "secret" }),
    login({ imei: "1" }),
    login({ imei: "666", password: "secret" }),
    packet("L", "nobody"),
    login({ imei: "1", password: "secret" }, { version }),
    login({ imei: "1", password: "other" }, { version }),
    login({ imei: "666", password: "secret" }, { version }),
    login({ imei: "1", password: "secret" }, { version, crc: WRONG }),
  ];
  assert.deepEqual(
    answersTo(packets, rules),
    ["#AL#1", "#AL#01", "#AL#0", "#AL#0", "#AL#1", "#AL#01", "#AL#0", "#AL#10"],
  );
});

Deno.test("SD has its answer by the field that is wrong", () => {
  const points: Partial<Point>[] = [
    {},
    { date: "NA", latitude: "NA;NA", speed: "NA", satellites: "NA" },
    { time: "x" },
    { latitude: "91;Q" },
    { course: "north" },
    { satellites: "-" },
  ];
  assert.deepEqual(
    answersTo([...points.map((point) => shortData(point)), packet("SD", "1;2")]),
    ["#ASD#1", "#ASD#1", "#ASD#0", "#ASD#10", "#ASD#11", "#ASD#12", "#ASD#-1"],
  );
  assert.deepEqual(newAnswersTo([shortData({}, { version: "2.0", crc: WRONG })]), ["#ASD#13"]);
  assert.deepEqual(answersTo([shortData()], { shortAsData: true }), ["#AD#1"]);
});

Deno.test("D has its answer by the field that is wrong", () => {
  const points: Partial<DataPoint>[] = [
    {},
    { adc: "", params: "" },
    { date: "1" },
    { longitude: "1;E" },
    { height: "high" },
    { hdop: "x" },
    { inputs: "x" },
    { adc: "x" },
    { params: "x" },
  ];
  assert.deepEqual(
    answersTo([...points.map((point) => data(point)), packet("D", "")]),
    ["1", "1", "0", "10", "11", "12", "13", "14", "15", "-1"].map((code) => `#AD#${code}`),
  );
  const form = { version: "2.0" } as const;
  const forms: Crc[] = [{}, { isLower: true, isPrefixed: true }, { isPadded: true }, WRONG];
  assert.deepEqual(
    newAnswersTo(forms.map((crc) => data({}, { ...form, crc }))),
    ["#AD#1", "#AD#1", "#AD#1", "#AD#16"],
  );
});

Deno.test("B is answered with the number of records that are right", () => {
  const records = [pointText(), dataText(), pointText({ time: "x" })];
  assert.deepEqual(answersTo([blackBox(records), blackBox([])]), ["#AB#2", "#AB#0"]);
  const form = { version: "2.0" } as const;
  assert.deepEqual(
    newAnswersTo([blackBox(records, form), blackBox(records, { ...form, crc: WRONG })]),
    ["#AB#2", "#AB#"],
  );
});

Deno.test("P and M have their answers, and other types none", () => {
  const form = { version: "2.0" } as const;
  const packets = [
    ping(),
    driverMessage("a"),
    driverMessage(""),
    snapshotQuery(),
    textCommand("a"),
    packet("XY"),
  ];
  assert.deepEqual(answersTo(packets), ["#AP#", "#AM#1", "#AM#0", undefined, undefined, undefined]);
  assert.deepEqual(
    newAnswersTo([driverMessage("a;b", form), driverMessage("a", { ...form, crc: WRONG })]),
    ["#AM#1", "#AM#01"],
  );
});

Deno.test("blocks are answered with their number, the last of them with that all is there", () => {
  const bytes = trickyBytes(50), version = "2.0";
  const blocks = [0, 1, 2].map((index) => snapshot({ index, last: 2, bytes }));
  assert.deepEqual(answersTo([...blocks, packet("I", "0;x")]), ["#AI#0;1", "#AI#1;1", "#AI#1", "#AI#NA;0"]);
  const files = [
    fileInfo({ code: "7", last: 1 }),
    ...[0, 1].map((index) => fileBlock({ code: "7", index, bytes })),
    fileInfo({ code: "7", last: 1 }, WRONG),
    fileBlock({ code: "7", index: 1, bytes }, WRONG),
    snapshot({ index: 4, last: 5, bytes }, { version, crc: WRONG }),
  ];
  assert.deepEqual(
    newAnswersTo(files),
    ["#AIT#1", "#AT#0;1", "#AT#1", "#AIT#01", "#AT#1;01", "#AI#4;01"],
  );
});
