import { RouterSimulator, type Row } from "../routeros/simulator.ts";
import { smallRouter } from "../routeros/tables.ts";
import { ROUTER_USER, ROUTERS, STRANGERS } from "./hosts.ts";

const CONNECTIONS = "/ip/firewall/connection", INTERFACES = "/interface", RESOURCE = "/system/resource";

/** Counters, with what is added to each at a turn. */
const COUNTERS: Readonly<Record<string, number>> = {
  "orig-bytes": 3000,
  "orig-packets": 9,
  "orig-fasttrack-bytes": 2000,
  "orig-fasttrack-packets": 7,
  "repl-bytes": 12_000,
  "repl-packets": 10,
  "repl-fasttrack-bytes": 8000,
  "repl-fasttrack-packets": 8,
  "rx-byte": 300_000,
  "tx-byte": 50_000,
  "rx-packet": 300,
  "tx-packet": 100,
  "rx-drop": 1,
};

const SMALL = smallRouter();

/** The connections of a small router, and those of strangers to a host behind it. */
const ROWS: readonly Row[] = [
  ...rowsOf(CONNECTIONS),
  ...STRANGERS.map(({ address }, i): Row => ({
    ...rowsOf(CONNECTIONS).find((row) => row["dstnat"] === "true" && row["tcp-state"] === "established")!,
    ".id": `*F${i}`,
    "src-address": `${address}:${50_000 + i}`,
    "reply-dst-address": `${address}:${50_000 + i}`,
    "orig-bytes": "1000",
    "repl-bytes": "5000",
  })),
];

function rowsOf(menu: string): readonly Row[] {
  return SMALL[menu] as readonly Row[];
}

/** Two routers whose counters grow. */
export class Routers {
  readonly #routers: readonly RouterSimulator[];
  #turn = 0;

  private constructor(routers: readonly RouterSimulator[]) {
    this.#routers = routers;
  }

  static async start(): Promise<Routers> {
    const users = { [ROUTER_USER.username]: ROUTER_USER.password };
    const starting = Object.entries(ROUTERS).map(([name, port]) =>
      RouterSimulator.start({
        port,
        users,
        version: name === "core" ? "7.18.2" : "6.49.17",
        tables: { ...smallRouter(), "/system/identity": [{ name }] },
      })
    );
    return new Routers(await Promise.all(starting));
  }

  /** What has come to pass since the turn before. */
  turn(): void {
    this.#turn++;
    for (const [i, { options: { tables } }] of this.#routers.entries()) {
      const grow = (row: Row, j: number) => this.#grown(row, (i + 1) * (j % 5 + 1));
      tables[CONNECTIONS] = ROWS.slice(0, ROWS.length - 3 * i).map(grow);
      tables[INTERFACES] = rowsOf(INTERFACES).map(grow);
      const load = String(5 + (this.#turn * (i + 3)) % 40), uptime = `${this.#turn + 1000 * i}s`;
      tables[RESOURCE] = rowsOf(RESOURCE).map((row) => ({ ...row, "cpu-load": load, uptime }));
    }
  }

  /** What counts nothing goes on counting nothing. */
  #grown(row: Row, factor: number): Row {
    const grown = Object.entries(row).map(([name, value]) => {
      const growth = Number(value) > 0 ? COUNTERS[name] : undefined;
      return [name, growth === undefined ? value : String(Number(value) + this.#turn * factor * growth)];
    });
    return Object.fromEntries(grown);
  }
}
