/** A socket as `ss -H -tuan` shows it. */
export interface ShownSocket {
  readonly protocol: string;
  readonly state: string;
  readonly receiveQueue: number;
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
}

export function parseSs(text: string): ShownSocket[] {
  return text.split("\n").filter((line) => line !== "").map((line) => {
    const [protocol = "", state = "", receiveQueue = "", , local = "", peer = ""] = line.split(/\s+/);
    const [source, sourcePort] = endpoint(local), [destination, destinationPort] = endpoint(peer);
    return {
      protocol,
      state: STATES[state] ?? state,
      receiveQueue: Number(receiveQueue),
      source,
      sourcePort,
      destination,
      destinationPort,
    };
  });
}

/** Where they differ from the names of the kernel. */
const STATES: Readonly<Record<string, string>> = {
  "ESTAB": "ESTABLISHED",
  "SYN-SENT": "SYN_SENT",
  "SYN-RECV": "SYN_RECV",
  "FIN-WAIT-1": "FIN_WAIT1",
  "FIN-WAIT-2": "FIN_WAIT2",
  "TIME-WAIT": "TIME_WAIT",
  "CLOSE-WAIT": "CLOSE_WAIT",
  "LAST-ACK": "LAST_ACK",
};

/** `10.0.0.1:80`, `[::ffff:10.0.0.1]:80`, `[fe80::1]%eth0:80`; `*:80` is any address of both families. */
function endpoint(text: string): [string, number] {
  const [, host = "", port = ""] = /^(.*):(\d+|\*)$/.exec(text) ?? [];
  const address = host.replace(/%[^\]]*$/, "").replace(/^\[(.*)\]$/, "$1").replace(/^::ffff:(?=.*\.)/, "");
  return [address === "*" ? "::" : address, port === "*" ? 0 : Number(port)];
}
