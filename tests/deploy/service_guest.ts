/**
 * What is connected to a host in a test: it asks the exporter, and makes what that counts. It does what the lines of its
 * standard input say, a name and JSON, and answers each with a line of JSON.
 */
import { answerLines, type Commands } from "../helpers/answer_lines.ts";
import { netflowV5 } from "../helpers/netflow_v5.ts";
import { RouterSimulator } from "../helpers/routeros/simulator.ts";
import { playAll } from "../helpers/wialon/device.ts";
import { WialonServer } from "../helpers/wialon/server.ts";

const EXPORTER = "http://127.0.0.1:19100";
const FLOWS = { transport: "udp", hostname: "127.0.0.1", port: 2055 } as const;
const WIALON = { hostname: "127.0.0.1", port: 20332 };

export interface Asked {
  readonly path: string;
  readonly method?: string;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** The answer to each command. */
const COMMANDS: Commands = {
  async ask({ path, method = "GET" }: Asked): Promise<Answer> {
    const response = await fetch(EXPORTER + path, { method });
    return { status: response.status, text: await response.text() };
  },
  async sendFlow() {
    const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    await socket.send(netflowV5([{ bytes: 1000 }]), FLOWS);
    socket.close();
  },
  async startRouter(password: string) {
    const { address } = await RouterSimulator.start({ users: { prometheus: password } });
    return address;
  },
  async sendMessages() {
    const password = "secret";
    await using _server = await WialonServer.listen({ ...WIALON, password });
    await playAll({ ...WIALON, imei: "868204000000001" }, [{ send: "L", password }, {
      send: "SD",
      times: 3,
    }]);
  },
};

await answerLines(COMMANDS);
Deno.exit();
