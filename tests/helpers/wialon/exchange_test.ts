import assert from "node:assert/strict";
import { Device, type DeviceOptions, playAll } from "./device.ts";
import { type Command, type ServerOptions, WialonServer } from "./server.ts";
import type { Step } from "./steps.ts";
import type { Counts } from "./tally.ts";

const IMEI = "350000000000001";

/** What a device does in an ordinary life. */
const LIFE: readonly Step[] = [
  { send: "L" },
  { send: "D", times: 20 },
  { send: "SD", times: 5 },
  { send: "B", records: 50 },
  { send: "P", times: 2 },
  { send: "M" },
  { send: "I", blocks: [5000, 1, 700] },
  { send: "T", blocks: [800, 20] },
];

const LIFE_COUNTS = {
  device: { L: 1, D: 20, SD: 5, B: 1, P: 2, M: 1, I: 3, IT: 1, T: 2 },
  server: { AL: 1, AD: 20, ASD: 5, AB: 1, AP: 2, AM: 1, AI: 3, AIT: 1, AT: 2 },
};

interface Life {
  readonly device?: Partial<DeviceOptions>;
  readonly server?: ServerOptions;
  readonly steps: readonly Step[];
}

/** A device from its beginning to its end; both sides have to have seen the same. */
async function live({ device, server: options, steps }: Life): Promise<Counts> {
  await using server = WialonServer.listen(options);
  const address = { hostname: "127.0.0.1", port: server.port, imei: IMEI };
  const tally = await playAll({ ...address, ...device }, steps);
  await server.ended();
  assert.deepEqual(server.tally, tally);
  return { ...tally };
}

const WAYS: Readonly<Record<string, Partial<DeviceOptions>>> = {
  "as usual": {},
  "by IPv6": { hostname: "::1" },
  "compressed": { isCompressed: true },
  "in pieces of 7": { pieces: 7 },
  "pipelined": { isPipelined: true },
  "pipelined in pieces of 100": { isPipelined: true, pieces: 100 },
  "pipelined and compressed in pieces of 33": { isPipelined: true, isCompressed: true, pieces: 33 },
};

for (const [way, device] of Object.entries(WAYS)) {
  Deno.test(`a device sends packets of each type and is answered, ${way}`, async () => {
    const counts = await live({ device: { version: "2.0", ...device }, steps: LIFE });
    const { codes, compressed, ...types } = counts;
    assert.deepEqual(types, LIFE_COUNTS);
    assert.equal(compressed, device.isCompressed ? 30 : 0);
    assert.deepEqual(codes, {
      "AL 1": 1,
      "AD 1": 20,
      "ASD 1": 5,
      "AB 50": 1,
      "AP": 2,
      "AM 1": 1,
      "AI 0;1": 1,
      "AI 1;1": 1,
      "AI 1": 1,
      "AIT 1": 1,
      "AT 0;1": 1,
      "AT 1": 1,
    });
  });
}

Deno.test("a device of version 1.1 is answered", async () => {
  const { device, codes } = await live({ steps: LIFE.slice(0, -1) });
  assert.deepEqual(device, { L: 1, D: 20, SD: 5, B: 1, P: 2, M: 1, I: 3 });
  assert.deepEqual(Object.keys(codes), [
    "AL 1",
    "AD 1",
    "ASD 1",
    "AB 50",
    "AP",
    "AM 1",
    "AI 0;1",
    "AI 1;1",
    "AI 1",
  ]);
});

for (const version of ["1.1", "2.0"] as const) {
  for (const hostname of ["127.0.0.1", "::1"]) {
    Deno.test(`a device of version ${version} sends to ${hostname} by UDP, where it needs no login`, async () => {
      const steps: Step[] = [{ send: "D", times: 10 }, { send: "SD", times: 3 }, { send: "B" }];
      for (const isCompressed of [false, true]) {
        const counts = await live({ device: { version, hostname, isUdp: true, isCompressed }, steps });
        assert.deepEqual(counts, {
          device: { D: 10, SD: 3, B: 1 },
          server: { AD: 10, ASD: 3, AB: 1 },
          codes: { "AD 1": 10, "ASD 1": 3, "AB 3": 1 },
          compressed: isCompressed ? 14 : 0,
        });
      }
    });
  }
}

Deno.test("a server that is silent by UDP counts what comes all the same", async () => {
  await using server = WialonServer.listen({ isSilentByUdp: true });
  const address = { hostname: "127.0.0.1", port: server.port, imei: IMEI, isUdp: true, isUnanswered: true };
  await playAll(address, [{ send: "D", times: 3 }]);
  while (server.tally.device.D !== 3) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.deepEqual(server.tally.server, {});
});

Deno.test("what a device does wrong is answered with codes", async () => {
  const crc = { isWrong: true };
  const steps: Step[] = [
    { send: "L", password: "wrong" },
    { send: "L", password: "secret" },
    { send: "D", crc },
    { send: "SD", crc },
    { send: "B", crc },
    { send: "D", point: { latitude: "x;y" } },
    { raw: "#D#1;2;3\r\n" },
    { raw: "#XYZ#1\r\n#\r\nhello\r\n" },
    { send: "P" },
  ];
  const { device, codes } = await live({
    device: { version: "2.0" },
    server: { password: "secret" },
    steps,
  });
  assert.deepEqual(codes, {
    "AL 01": 1,
    "AL 1": 1,
    "AD 16": 2,
    "ASD 13": 1,
    "AB": 1,
    "AD 10": 1,
    "AP": 1,
  });
  assert.deepEqual(device, { L: 2, D: 3, SD: 1, B: 1, XYZ: 1, bad: 1, text: 1, P: 1 });
});

Deno.test("a server says what it is told, and the device does what that asks for", async () => {
  for (const pieces of [Infinity, 11]) {
    await using server = WialonServer.listen({ pieces });
    const options = { hostname: "127.0.0.1", port: server.port, imei: IMEI, version: "2.0" } as const;
    const device = await Device.connect({ ...options, blocks: [300, 20, 1] });
    await device.play([{ send: "L" }]);
    const commands: Command[] = [
      { type: "QI" },
      { type: "QT" },
      { type: "US", size: 3000 },
      { type: "UC" },
      { type: "M" },
      { type: "text" },
    ];
    for (const command of commands) {
      await server.command(IMEI, command);
      await device.play([{ await: command.type }]);
    }
    await device.end();
    await server.ended();
    assert.deepEqual(device.tally, server.tally);
    assert.deepEqual(device.tally.device, { L: 1, I: 3, IT: 1, T: 3, M: 1 });
    assert.deepEqual(
      device.tally.server,
      { AL: 1, QI: 1, AI: 3, QT: 1, AIT: 1, AT: 3, US: 1, UC: 1, M: 1, text: 1, AM: 1 },
    );
  }
});

function freePort(): Deno.NetAddr {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr;
}

Deno.test("connections can be reset, ended by the server, and opened again from the same port", async () => {
  await using server = WialonServer.listen();
  const { port: localPort } = freePort();
  const options = {
    hostname: "127.0.0.1",
    port: server.port,
    imei: IMEI,
    localAddress: "127.0.0.1",
    localPort,
  };
  const first = await Device.connect(options);
  await first.play([{ send: "L" }]);
  await first.end("rst");
  await server.ended();
  const second = await Device.connect(options);
  await second.play([{ send: "L" }]);
  await server.drop(IMEI);
  await assert.rejects(second.play([{ await: "QI" }]), /before the end/);
  await second.end();
  await server.ended();
  assert.deepEqual(server.tally.device, { L: 2 });
});
