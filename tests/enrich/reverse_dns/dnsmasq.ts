import dgram from "node:dgram";
import { program } from "../../helpers/skip.ts";

export const hasDnsmasq = program("dnsmasq");

/** A DNS server on loopback until it is disposed of. */
export interface Dnsmasq extends AsyncDisposable {
  readonly port: number;
}

/** Starts dnsmasq on a port of 127.0.0.1 with these arguments, and no file but those that they name. */
export async function startDnsmasq(...args: readonly string[]): Promise<Dnsmasq> {
  let reason = "";
  for (let attempt = 0; attempt < 5; attempt++) {
    const port = await freePort();
    const child = new Deno.Command("dnsmasq", {
      args: [
        ...["--no-daemon", "--conf-file=/dev/null", "--pid-file", "--no-resolv", "--no-hosts"],
        ...["--listen-address=127.0.0.1", "--bind-interfaces", `--port=${port}`],
        ...args,
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const output = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
    for (let read; !(read = await output.read()).done;) {
      reason += read.value;
      if (!reason.includes("started, version")) continue;
      const drained = drain(output);
      return {
        port,
        async [Symbol.asyncDispose]() {
          child.kill("SIGTERM");
          await Promise.all([child.status, drained]);
        },
      };
    }
    await child.status;
  }
  throw new Error(`Cannot start dnsmasq: ${reason}`);
}

async function drain(output: ReadableStreamDefaultReader<string>): Promise<void> {
  while (!(await output.read()).done);
}

async function freePort(): Promise<number> {
  const socket = dgram.createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(resolve));
  return port;
}
