import assert from "node:assert/strict";
import { ServiceManager } from "../../native/service_manager.ts";

/** A folder with a socket in it, where what is told arrives. */
class Listener implements AsyncDisposable {
  private constructor(readonly folder: string, readonly path: string, readonly socket: Deno.DatagramConn) {}

  static async open(): Promise<Listener> {
    const folder = await Deno.makeTempDir(), path = `${folder}/notify`;
    return new Listener(folder, path, Deno.listenDatagram({ transport: "unixpacket", path }));
  }

  async hear(): Promise<string> {
    const [bytes] = await this.socket.receive();
    return new TextDecoder().decode(bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.close();
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test("ServiceManager tells what sd_notify(3) has words for", async () => {
  await using listener = await Listener.open();
  const manager = ServiceManager.of({ NOTIFY_SOCKET: listener.path })!;
  manager.ready("Runs sockets");
  assert.equal(await listener.hear(), "READY=1\nSTATUS=Runs sockets");
  manager.reloading();
  assert.equal(await listener.hear(), "RELOADING=1");
  manager.alive();
  assert.equal(await listener.hear(), "WATCHDOG=1");
  manager.stopping();
  assert.equal(await listener.hear(), "STOPPING=1");
});

Deno.test("ServiceManager throws when nobody listens", () => {
  const manager = ServiceManager.of({ NOTIFY_SOCKET: "/nowhere/notify" })!;
  assert.throws(() => manager.alive(), /Cannot tell the service manager: not there/);
});

const WATCHDOGS = [
  { environment: {}, milliseconds: 0 },
  { environment: { WATCHDOG_USEC: "30000000" }, milliseconds: 30_000 },
  { environment: { WATCHDOG_USEC: "30000000", WATCHDOG_PID: String(Deno.pid) }, milliseconds: 30_000 },
  { environment: { WATCHDOG_USEC: "30000000", WATCHDOG_PID: "1" }, milliseconds: 0 },
  { environment: { WATCHDOG_USEC: "soon" }, milliseconds: 0 },
];

for (const { environment, milliseconds } of WATCHDOGS) {
  Deno.test(`ServiceManager has ${milliseconds} ms of ${JSON.stringify(environment)}`, () => {
    assert.equal(ServiceManager.of({ NOTIFY_SOCKET: "/n", ...environment })!.watchdogMs, milliseconds);
  });
}

for (const path of [undefined, "", "notify", "vsock:2:1234", `/${"x".repeat(107)}`]) {
  Deno.test(`ServiceManager is not there when NOTIFY_SOCKET is ${path ?? "not set"}`, () => {
    assert.equal(ServiceManager.of(path === undefined ? {} : { NOTIFY_SOCKET: path }), undefined);
  });
}
