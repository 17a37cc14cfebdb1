import { Buffer } from "node:buffer";
import dgram from "node:dgram";

/** RFC 1035 §4.1.1 */
export type Rcode = 0 | 2 | 3 | 5;
export const SERVFAIL = 2, NXDOMAIN = 3, REFUSED = 5;

/** Names, a code, or no answer at all. */
export type Reply = readonly string[] | Rcode | "silence";

/** A DNS server on loopback that answers as it is told, also what no real one would. */
export class FakeDns implements AsyncDisposable {
  /** The names that were asked for. */
  readonly questions: string[] = [];
  readonly #socket = dgram.createSocket("udp4");
  readonly #replyTo: (question: string) => Reply;

  private constructor(replyTo: (question: string) => Reply) {
    this.#replyTo = replyTo;
  }

  static async start(replyTo: (question: string) => Reply): Promise<FakeDns> {
    const server = new FakeDns(replyTo), socket = server.#socket;
    socket.on("message", (message, { port, address }) => {
      const answer = server.#answer(message);
      if (answer !== undefined) socket.send(answer, port, address);
    });
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    return server;
  }

  get address(): { readonly ipAddr: string; readonly port: number } {
    return { ipAddr: "127.0.0.1", port: this.#socket.address().port };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(resolve));
  }

  #answer(message: Uint8Array): Uint8Array | undefined {
    const labels: string[] = [];
    let at = 12;
    for (let length; (length = message[at]!) > 0; at += length + 1) {
      labels.push(String.fromCharCode(...message.subarray(at + 1, at + 1 + length)));
    }
    const question = labels.join(".");
    this.questions.push(question);
    const reply = this.#replyTo(question);
    if (reply === "silence") return undefined;
    const names = typeof reply === "number" ? [] : reply;
    const flags = [0x84, 0x80 | (typeof reply === "number" ? reply : 0)];
    const head = [...message.subarray(0, 2), ...flags, 0, 1, 0, names.length, 0, 0, 0, 0];
    return Buffer.concat([Buffer.from(head), message.subarray(12, at + 5), ...names.map(pointer)]);
  }
}

/** A PTR record of the name in the question. */
function pointer(name: string): Uint8Array {
  const labels = name.split(".").map((label) => [label.length, ...Buffer.from(label, "latin1")]);
  const data = [...labels.flat(), 0];
  return Buffer.from([0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 60, 0, data.length, ...data]);
}
