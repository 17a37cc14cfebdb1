import { Device, type DeviceOptions, playAll } from "../wialon/device.ts";
import { WialonServer } from "../wialon/server.ts";
import type { Step } from "../wialon/steps.ts";
import { inNamespace } from "../wialon/in_namespace.ts";
import { DEVICES, type HostName, HOSTS, WIALON_PORT } from "./hosts.ts";

const PASSWORD = "secret";

const LOGIN: Step = { send: "L", password: PASSWORD };

const SERVER = { hostname: HOSTS.telematics.address, port: WIALON_PORT };

const ALL: readonly Step[] = [
  { send: "SD" },
  { send: "D", times: 3 },
  { send: "B", records: 5 },
  { send: "P" },
  { send: "M" },
  { send: "I", blocks: [700, 300] },
  { send: "T" },
  { send: "D", crc: { isWrong: true } },
];

/** Those that log in and stay, for a while. */
const LASTING: readonly DeviceOptions[] = [
  { ...SERVER, imei: "868204000000001", version: "2.0", localAddress: DEVICES[0] },
  { ...SERVER, imei: "868204000000002", version: "2.0", isCompressed: true, localAddress: DEVICES[1] },
  { ...SERVER, imei: "868204000000003", localAddress: DEVICES[2] },
];

/** Those that come for each turn anew: one that is accepted, one whose password is wrong, and one that talks nonsense. */
const PASSING: readonly (readonly [DeviceOptions, readonly Step[]])[] = [
  [{ ...SERVER, imei: "868204000000004" }, [LOGIN, { send: "SD" }]],
  [{ ...SERVER, imei: "868204000000005" }, [{ send: "L", password: "wrong" }]],
  [{ ...SERVER, imei: "868204000000006", isUnanswered: true }, [{ raw: "#no type#1;2;3\r\n" }, {
    send: "P",
  }]],
  [{ ...SERVER, imei: "868204000000007", isUdp: true }, [{ send: "SD" }]],
];

/** A server of telematics and its devices. */
export class WialonDevices {
  readonly #server: WialonServer;
  readonly #lasting: Device[];
  #turn = 0;

  private constructor(server: WialonServer, lasting: Device[]) {
    this.#server = server;
    this.#lasting = lasting;
  }

  static async start(namespaces: Readonly<Record<HostName, string>>): Promise<WialonDevices> {
    const server = inNamespace(
      namespaces.telematics,
      () => WialonServer.listen({ hostname: "0.0.0.0", port: WIALON_PORT, password: PASSWORD }),
    );
    return new WialonDevices(server, await Promise.all(LASTING.map(logIn)));
  }

  /** One of those that stay comes anew, so that its login is seen whenever the capture begins. */
  async turn(): Promise<void> {
    const returning = this.#turn++ % LASTING.length;
    await this.#lasting[returning]!.end();
    this.#lasting[returning] = await logIn(LASTING[returning]!);
    await this.#server.command(LASTING[0]!.imei, { type: "QI" });
    await Promise.all([
      ...this.#lasting.map((device) => device.play(ALL)),
      ...PASSING.map(([options, steps]) => playAll(options, steps)),
    ]);
  }
}

async function logIn(options: DeviceOptions): Promise<Device> {
  const device = await Device.connect(options);
  await device.play([LOGIN]);
  return device;
}
