import assert from "node:assert/strict";
import {
  BAD,
  COMMAND,
  GOOD,
  MESSAGE_TYPES,
  OTHER,
  UNKNOWN_VERSION,
  VERSIONS,
} from "../../parsers/wialon_ips.ts";
import { property } from "../helpers/random.ts";
import {
  blackBox,
  type Crc,
  crcText,
  fileBlock,
  firmware,
  type Form,
  packet,
  snapshot,
  textCommand,
} from "../helpers/wialon/messages.ts";
import { encode, lengthOf, MESSAGE, type Read, read, shown, type VersionName } from "./wialon_reader.ts";
import {
  CRC_OF_BLOCK,
  DATA,
  expectedOf,
  FILES,
  IMEI,
  POINT,
  SAMPLES,
  WITH_CHECKSUM,
} from "./wialon_samples.ts";

for (const version of ["1.1", "2.0"] as const) {
  for (const sample of version === "1.1" ? SAMPLES : [...SAMPLES, ...FILES]) {
    Deno.test(`read() reads ${sample.type} of version ${version}`, () => {
      assert.deepEqual(read(sample.make({ version }), { version }), expectedOf(sample, version));
    });
  }
}

Deno.test("read() checks in version 2.1 what it checks in version 2.0", () => {
  for (const sample of WITH_CHECKSUM.filter(({ type }) => type !== "L")) {
    const expected = expectedOf(sample, "2.1");
    assert.deepEqual(read(sample.make({ version: "2.0" }), { version: "2.1" }), expected);
  }
});

Deno.test("read() takes the version from a login, whatever was spoken before", () => {
  const sealed = (body: string) => `#L#${body}${crcText(encode(body))}`;
  const cases: readonly (readonly [line: string, version: string, verdict?: string])[] = [
    [`#L#${IMEI};NA`, "1.1"],
    [`#L#1.1;${IMEI};NA`, "1.1"],
    ["#L#2.0;imei;NA;A932", "2.0", "good"],
    ["#L#2.0;imei;NA;A933", "2.0", "bad"],
    ["#L#2.0;imei;NA", "2.0", "bad"],
    ["#L#2.0;imei", "2.0", "bad"],
    [sealed(`2.1;${IMEI};NA;`), "2.1", "good"],
    // Those are not known, but a right checksum is.
    [sealed(`3.0;${IMEI};NA;`), "2.0", "good"],
    [`#L#3.0;${IMEI};NA;1234`, "unknown"],
    // Names of devices.
    ["#L#20;NA", "1.1"],
    ["#L#2x0;NA", "1.1"],
    ["#L#2.;NA", "1.1"],
    ["#L#2.0", "1.1"],
    ["#L#2.00;NA", "1.1"],
    ["#L#x.0;NA", "1.1"],
    ["#L#2.x;NA", "1.1"],
    ["#L#", "1.1"],
  ];
  for (const [line, version, verdict] of cases) {
    for (const before of VERSIONS) {
      const { device: _, ...message } = read(line, { version: before }) as Read;
      assert.deepEqual(message, { type: "L", version, ...verdict && { verdict } }, `${line} after ${before}`);
    }
  }
});

const CHECKSUMS: readonly { what: string; crc?: Crc; verdict: string }[] = [
  { what: "right", verdict: "good" },
  { what: "right, in lower case", crc: { isLower: true }, verdict: "good" },
  { what: "right, in four digits", crc: { isPadded: true }, verdict: "good" },
  { what: "right, behind 0x", crc: { isPrefixed: true, isLower: true }, verdict: "good" },
  { what: "wrong", crc: { isWrong: true }, verdict: "bad" },
  { what: "wrong, behind 0x", crc: { isWrong: true, isPrefixed: true }, verdict: "bad" },
];

for (const { what, crc = {}, verdict } of CHECKSUMS) {
  Deno.test(`read() gives the verdict ${verdict} when a checksum is ${what}`, () => {
    for (const { type, make, checksum } of WITH_CHECKSUM) {
      const form = { version: "2.0", crc } as const, message = read(make(form), form) as Read;
      const { binaryChecksum } = message, isRight = binaryChecksum === CRC_OF_BLOCK;
      const given = checksum === "text" ? message.verdict : isRight ? "good" : "bad";
      assert.equal(given, verdict, type);
    }
  });
}

Deno.test("read() finds the checksums right that devices send", () => {
  // The tests of traccar, and of gotrackery/protocol
  const lines = [
    ...["8A7", "08A7", "8a7", "08a7", "0x8a7", "0X08A7"].map((crc) => `#L#2.0;236010173;NA;${crc}`),
    "#SD#300924;154245;5554.350052;N;3644.670410;E;2.92;NA;NA;NA;7A01",
    "#D#220323;114150;2234.80479;N;11354.87786;E;0;NA;59;11;NA;NA;NA;;NA;d_battr:1:94,d_csq:1:21,di_light:1:1;" +
    "E7C9",
    "#D#NA;NA;5429.681944502211763;N;02654.60403650999069;E;NA;NA;NA;NA;NA;NA;NA;1.0;NA;m1:1:9196679,d1:1:15397," +
    "t1:1:20,b1:1:162,fuel1:2:21588.0,pv1:2:35.98,finish:1:1;0x9b0",
  ];
  for (const line of lines) {
    const { verdict, version } = read(line) as Read;
    assert.deepEqual({ verdict, version }, { verdict: "good", version: "2.0" }, line);
  }
});

Deno.test("read() gives the verdict bad when version 2.0 is spoken and there is no checksum", () => {
  const endings = ["", ";", ";NA", ";0x", ";0x12345", ";12345", ";-1", ";G123", "; 1", ";1 ", ";1.0"];
  for (const ending of endings) {
    for (const type of ["SD", "D", "B", "M", "IT"]) {
      const { verdict } = read(`#${type}#${POINT}${ending}`, { version: "2.0" }) as Read;
      assert.equal(verdict, "bad", `${type} ${ending}`);
    }
    for (const head of ["I#5;0;0;NA;NA;x", "T#7;5;0", "US#5", "UC#5"]) {
      const { binary, binaryChecksum } = read(`#${head}${ending}`, { version: "2.0" }) as Read;
      assert.equal(binary, 5);
      // What cannot be a checksum is one that no bytes have.
      const isIndex = head.startsWith("T") && ending === "";
      assert.equal(binaryChecksum, isIndex ? 0 : 0x10000, `${head}${ending}`);
    }
  }
});

Deno.test("read() gives no verdict when the version is not known and a checksum is wrong or missing", () => {
  const forms: Form[] = [{ version: "1.1" }, { version: "2.0", crc: { isWrong: true } }];
  for (const form of forms) {
    for (const { type, make, expected = {}, checksum } of SAMPLES) {
      if (type === "L" || checksum === "binary") continue;
      assert.deepEqual(read(make(form)), { type, version: "unknown", ...expected });
    }
  }
});

Deno.test("read() learns from a right checksum that version 2.0 is spoken", () => {
  for (const sample of WITH_CHECKSUM.filter(({ checksum }) => checksum === "text")) {
    assert.deepEqual(read(sample.make({ version: "2.0" })), expectedOf(sample, "2.0"));
  }
});

Deno.test("read() learns nothing of the version from what is the checksum of nothing", () => {
  for (const line of ["#M#0", "#SD#0", "#D#0000", "#B#0", "#IT#0x0"]) {
    assert.equal((read(line) as Read).version, "unknown", line);
    assert.equal((read(line, { version: "2.0" }) as Read).verdict, "bad", line);
  }
  assert.equal((read("#US#0;0") as Read).version, "unknown");
});

Deno.test("read() finds a checksum of 0 right, and wrong", () => {
  const text = Array.from({ length: 1_000_000 }, (_, i) => `${i};`).find((text) =>
    crcText(encode(text)) === "0"
  );
  assert.deepEqual(read(`#M#${text}0`), { type: "M", version: "2.0", verdict: "good" });
  assert.deepEqual(read(`#M#1${text}0000`, { version: "2.0" }), {
    type: "M",
    version: "2.0",
    verdict: "bad",
  });
});

Deno.test("read() checks what is empty before the checksum", () => {
  const line = `#M#;${crcText(encode(";"))}`;
  assert.deepEqual(read(line), { type: "M", version: "2.0", verdict: "good" });
});

Deno.test("read() checks nothing when version 1.1 is spoken", () => {
  for (const sample of WITH_CHECKSUM.filter(({ type }) => type !== "L")) {
    const { verdict, binaryChecksum } = read(sample.make({ version: "2.0" }), { version: "1.1" }) as Read;
    assert.deepEqual({ verdict, binaryChecksum }, { verdict: undefined, binaryChecksum: undefined });
  }
});

const BATCHES: readonly { body: string; records: number }[] = [
  { body: POINT, records: 1 },
  { body: DATA, records: 1 },
  { body: `${POINT}|${DATA}`, records: 2 },
  { body: `${POINT}|${DATA}|`, records: 2 },
  { body: `${POINT}|${POINT}|A0B1`, records: 2 },
  { body: `${POINT}|0x9b0`, records: 1 },
  { body: `${POINT}||${POINT}`, records: 2 },
  { body: Array(5000).fill(POINT).join("|"), records: 5000 },
  { body: "", records: 0 },
  { body: "|", records: 0 },
  { body: "|||A0B1", records: 0 },
  { body: "A0B1", records: 0 },
];

Deno.test("read() counts the records of a batch, with or without a checksum", () => {
  for (const { body, records } of BATCHES) {
    for (const version of VERSIONS) {
      read(`#B#${body}`, { version });
      assert.equal(MESSAGE.records, records, body.slice(0, 100));
    }
  }
});

Deno.test("read() checks a batch up to its last bar", () => {
  const cases: readonly (readonly [records: number, crc: Crc, verdict: string])[] = [
    [1, {}, "good"],
    [2, {}, "good"],
    [100, { isLower: true }, "good"],
    [2, { isWrong: true }, "bad"],
  ];
  for (const [records, crc, verdict] of cases) {
    const bytes = blackBox(Array(records).fill(POINT), { version: "2.0", crc });
    const expected = { type: "B", version: "2.0", verdict, ...records > 1 && { records } };
    assert.deepEqual(read(bytes, { version: "2.0" }), expected);
  }
});

Deno.test("read() reads how many bytes follow", () => {
  const lengths: readonly (readonly [text: string, length: number | undefined])[] = [
    ["0", 0],
    ["1", 1],
    ["000000012", 12],
    ["51200", 51_200],
    ["67108864", 64 << 20],
    ["67108865", undefined],
    ["999999999", undefined],
    ["0000000012", undefined],
    ["4294967297", undefined],
    ["99999999999999999999", undefined],
    ["", undefined],
    ["-1", undefined],
    ["+1", undefined],
    ["1.5", undefined],
    ["1e3", undefined],
    ["0x10", undefined],
    [" 1", undefined],
    ["1 ", undefined],
    ["NA", undefined],
    ["１", undefined],
  ];
  for (const [text, length] of lengths) {
    const lines = [`#I#${text};0;0;NA;NA;x`, `#T#7;${text};0`, `#T#;${text}`, `#US#${text}`, `#UC#${text};`];
    for (const line of lines) {
      const message = read(line, { version: "1.1" });
      if (length === undefined) assert.equal(message, "length", line);
      else assert.equal((message as Read).binary ?? 0, length, line);
    }
  }
  for (const line of ["#I#", "#T#", "#T#7", "#T#7;", "#T#7;;3", "#US#", "#UC#;"]) {
    assert.equal(read(line), "length", line);
  }
});

Deno.test("read() checks at once when no bytes follow", () => {
  const nothing = new Uint8Array();
  for (const [isWrong, verdict] of [[false, "good"], [true, "bad"]] as const) {
    const form = { version: "2.0", crc: { isWrong } } as const;
    const lines = [
      snapshot({ index: 0, last: 0, bytes: nothing }, form),
      fileBlock({ code: "7", index: 0, bytes: nothing }, form.crc),
      firmware(nothing, form),
    ];
    for (const line of lines) assert.equal((read(line, form) as Read).verdict, verdict);
  }
  assert.equal((read("#US#0", { version: "2.0" }) as Read).verdict, "bad");
  assert.equal((read("#US#0", { version: "1.1" }) as Read).verdict, undefined);
});

Deno.test("endBinary() gives the verdict on the bytes that have followed", () => {
  const cases: readonly (readonly [VersionName, boolean | undefined, VersionName, string?])[] = [
    ["2.0", true, "2.0", "good"],
    ["2.0", false, "2.0", "bad"],
    ["2.1", true, "2.1", "good"],
    ["2.0", undefined, "2.0"],
    ["1.1", undefined, "1.1"],
    ["unknown", undefined, "unknown"],
    ["unknown", true, "2.0", "good"],
    ["unknown", false, "unknown"],
  ];
  for (const [before, isGood, version, verdict] of cases) {
    read(`#L#2.0;${IMEI};NA;1234`);
    MESSAGE.endBinary(MESSAGE_TYPES.indexOf("T"), VERSIONS.indexOf(before), isGood);
    assert.deepEqual(shown(new Uint8Array(99)), { type: "T", version, ...verdict && { verdict } });
  }
});

Deno.test("read() takes a line without # for a command", () => {
  const commands = ["reboot", "VER?", "L1=1", "USSD:*100#", "привет", " ", "a\tb", "x".repeat(4096)];
  for (const text of commands) {
    const message = read(textCommand(text), { version: "2.0" });
    assert.deepEqual(message, { type: "command", version: "2.0" }, text.slice(0, 50));
  }
  assert.equal(MESSAGE.type, COMMAND);
});

Deno.test("read() has a fault when a line without # is no text", () => {
  const lines = ["\0", "a\x01", "reboot\x7f\x1f", "a\rb", "\x1b[0m", "x".repeat(4097)];
  for (const line of lines) assert.equal(read(line), "text", JSON.stringify(line.slice(0, 50)));
  assert.equal(read(Uint8Array.of(0x61, 0xff)), "text");
});

Deno.test("read() takes types that are well formed, but not known, for other", () => {
  for (const type of ["A", "X", "ZZ", "LL", "DS", "QLV", "VIDE", "AQI", "ABCD", "NA"]) {
    assert.deepEqual(read(packet(type, "5;1;2"), { version: "2.0" }), { type: "other", version: "2.0" });
  }
  assert.equal(MESSAGE.type, OTHER);
});

Deno.test("read() has a fault when a type is malformed", () => {
  const lines = [
    ...["#", "##", "###", "##D#", "#D", "#D;1", "#d#", "#Sd#", "#D1#", "#1#", "# D#", "#D #", "#ABCDE#"],
    ...["#command#", "#other#", "#D\0#", "#\0#", "#Д#", "#-#", "#@#", "#[#", "#ABCD"],
  ];
  for (const line of lines) assert.equal(read(line), "type", JSON.stringify(line));
});

Deno.test("read() names the device, and never the password or the checksum", () => {
  const cases: readonly (readonly [line: string, device?: string])[] = [
    [`#L#${IMEI};secret`, IMEI],
    [`#L#${IMEI};`, IMEI],
    [`#L#${IMEI}`, IMEI],
    [`#L#2.0;${IMEI};secret;1234`, IMEI],
    [`#L#2.0;${IMEI};secret`, IMEI],
    [`#L#2.0;${IMEI}`, IMEI],
    [`#L#2.1;${IMEI};secret;1234`, IMEI],
    [`#L#9.9;${IMEI};secret;1234`, IMEI],
    ["#L#2.0;a|b c;secret;1234", "a|b c"],
    ["#L#имя;secret", "имя"],
    ["#L#;secret"],
    ["#L#2.0;;secret;1234"],
    ["#L#2.0;"],
    ["#L#2.0", "2.0"],
    ["#L#;"],
    ["#L#"],
    [`#D#${IMEI};secret`],
    [`#M#${IMEI};secret`],
    ["#AL#1"],
    ["command"],
  ];
  for (const [line, device] of cases) assert.equal((read(line) as Read).device, device, line);
});

Deno.test("read() forgets the device of the message before", () => {
  read(`#L#${IMEI};NA`);
  assert.equal((read("#P#") as Read).device, undefined);
  assert.deepEqual([MESSAGE.deviceFrom, MESSAGE.deviceTo], [0, 0]);
});

property("read() does not throw, and the device is in the line, whatever it reads", (random) => {
  const lines = [...SAMPLES, ...FILES].flatMap(({ make }) =>
    (["1.1", "2.0"] as const).map((version) => make({ version })).map((line) =>
      line.subarray(0, lengthOf(line))
    )
  );
  const alphabet = encode("#;|.0129AFLDTxX \r\n\0\xff");
  for (let i = 0; i < 30_000; i++) {
    const line = i % 2 === 0 ? random.pick(lines).slice() : random.bytes(random.int(20));
    for (let n = random.int(4); n > 0; n--) line[random.int(line.length)] = random.pick([...alphabet]);
    const bytes = new Uint8Array(line.length + 9).fill(0x31), version = random.int(VERSIONS.length);
    bytes.set(line, 4);
    const from = 4, to = 4 + line.length, isDatagram = random.int(2) === 0;
    const fault = isDatagram
      ? MESSAGE.readDatagram(bytes, from, to, version)
      : MESSAGE.read(bytes, from, to, version);
    if (fault !== undefined) continue;
    const { deviceFrom, deviceTo, binary, records, verdict } = MESSAGE;
    assert(deviceFrom === deviceTo || (deviceFrom >= from && deviceTo <= to));
    assert(deviceFrom <= deviceTo && !bytes.subarray(deviceFrom, deviceTo).includes(0x3b));
    assert(binary >= 0 && binary <= 64 << 20 && records >= 0 && records <= 1 + line.length);
    assert([GOOD, BAD, NaN].includes(verdict) && MESSAGE.version >= UNKNOWN_VERSION);
  }
});
