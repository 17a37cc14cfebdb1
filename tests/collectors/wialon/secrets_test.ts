/** Who and where devices are is told to nobody. */
import assert from "node:assert/strict";
import wialon from "../../../collectors/wialon/mod.ts";
import { hasLibpcap } from "../../helpers/has_libpcap.ts";
import { testWith } from "../../helpers/skip.ts";
import {
  blackBox,
  container,
  data,
  datagram,
  dataText,
  driverMessage,
  fileBlock,
  fileInfo,
  fileQuery,
  login,
  shortData,
  snapshot,
  textCommand,
} from "../../helpers/wialon/messages.ts";
import { replay } from "./replaying.ts";
import { Conversation, datagramPacket, type Side, Watching } from "./watching.ts";

const IMEI = "868204005647838",
  PASSWORD = "Pa55word",
  TEXT = "Whisper",
  IBUTTON = "01C0FFEE",
  DRIVER = "DRV777";
const POINT = {
  latitude: "4711.1508;N",
  longitude: "01234.5678;E",
  speed: "321",
  height: "8848",
  ibutton: IBUTTON,
};
/** Parts of names and numbers are too much as well. */
const SECRETS = [IMEI.slice(3, 12), "a55wor", "hisper", "C0FFEE", "RV777", "4711", "1508", "1234.5", "8848"];

const BYTES = new TextEncoder().encode(`${IMEI} ${PASSWORD} ${TEXT}`);

/** Messages, and what is like them but cannot be read. */
function said(version: "1.1" | "2.0"): (readonly [Side, Uint8Array | string])[] {
  const form = { version }, wrong = { version, crc: { isWrong: true } } as const;
  return [
    ["device", login({ imei: IMEI, password: PASSWORD }, form)],
    ["device", login({ imei: IMEI, password: PASSWORD }, wrong)],
    ["device", shortData(POINT, form)],
    ["device", data(POINT, wrong)],
    ["device", blackBox([dataText(POINT), dataText(POINT)], form)],
    ["device", driverMessage(TEXT, form)],
    ["device", snapshot({ index: 0, last: 0, bytes: BYTES, name: `${TEXT}.jpg` }, form)],
    ["device", fileInfo({ code: "C", last: 0, driver: DRIVER })],
    ["device", fileBlock({ code: "C", index: 0, bytes: BYTES })],
    ["device", container(data(POINT, form))],
    ["device", container(login({ imei: IMEI, password: PASSWORD }, form)).fill(7, 9)],
    ["device", `#L${IMEI}#${PASSWORD}\r\n`],
    ["device", `#${TEXT}#${IMEI}\r\n`],
    ["device", `#ABC#${IMEI};${PASSWORD}\r\n`],
    ["device", `${IMEI};${PASSWORD}\r\n`],
    ["device", `#I#${IMEI};${PASSWORD}\r\n`],
    ["server", textCommand(`imei ${IMEI} password ${PASSWORD}`)],
    ["server", `\0${IMEI} ${PASSWORD}\r\n`],
    ["server", fileQuery(DRIVER)],
    ["server", driverMessage(TEXT, form)],
    ["device", `#D#${IMEI};${PASSWORD}`],
  ];
}

testWith({
  name: "IMEI, password, texts and coordinates are in no label and no line of the log, whatever the rules",
  needs: hasLibpcap,
  fn: async () => {
    const watching = new Watching();
    for (const [i, version] of (["1.1", "2.0"] as const).entries()) {
      const talk = new Conversation(watching, { device: `192.0.2.1:${1000 + i}` });
      for (const [from, bytes] of said(version)) {
        talk.send(from, bytes);
        watching.take(datagramPacket(datagram(Uint8Array.from(talk.packets.at(-1)!.subarray(54)), {
          imei: IMEI,
          version,
        })));
      }
      talk.reset("server");
    }
    // Each field of each record as a label.
    const rules = wialon.records.map(({ name, fields }) => ({
      name: `all_of_${name}`,
      source: name,
      labels: Object.keys(fields),
    }));
    const { exposition, logged, problems } = await replay(watching.captured, {
      settings: { filter: "port 20332" },
      rules,
    });
    assert.deepEqual(Object.keys(problems).sort(), ["container", "length", "text", "type", "unfinished"]);
    for (const { name } of rules) assert(exposition.includes(`${name}{`), `No series of ${name}`);
    assert(exposition.includes('version="2.0"'));
    const told = [exposition, ...logged].join("\n").toLowerCase();
    for (const secret of SECRETS) assert(!told.includes(secret.toLowerCase()), `${secret} is told`);
  },
});
