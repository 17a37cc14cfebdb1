/**
 * A simulator as a process of its own: `deno run -A tests/helpers/routeros/serve.ts '{"many": 200000}'`. The first line
 * that it prints is `{"port":N}`; it runs until its input ends, or until SIGTERM.
 */
import { manyConnections, type ManyOptions, smallRouter } from "./tables.ts";
import { type Prepared, RouterSimulator, type SimulatorOptions } from "./simulator.ts";

/** Options in JSON. Tables are added to those of a small router. */
export interface ServeOptions extends Partial<SimulatorOptions> {
  /** So many connections are in /ip/firewall/connection. */
  readonly many?: number | (ManyOptions & { readonly count: number });
  /** The only attributes that these have. */
  readonly columns?: readonly string[];
  /** What is encoded before the line is printed. */
  readonly warm?: readonly { readonly menu: string; readonly proplist?: string }[];
}

function only(columns: readonly string[] | undefined, { count, row }: Prepared): Prepared {
  if (columns === undefined) return { count, row };
  return {
    count,
    row: (index) => Object.fromEntries(Object.entries(row(index)).filter(([name]) => columns.includes(name))),
  };
}

if (import.meta.main) {
  const { many, columns, warm = [], tables, ...options }: ServeOptions = JSON.parse(Deno.args[0] ?? "{}");
  const { count, ...spread } = typeof many === "object" ? many : { count: many };
  const connections = count === undefined
    ? {}
    : { "/ip/firewall/connection": only(columns, manyConnections(count, spread)) };
  const simulator = await RouterSimulator.start({
    ...options,
    tables: { ...smallRouter(), ...tables, ...connections },
  });
  for (const { menu, proplist } of warm) simulator.warm(menu, proplist?.split(","));
  const terminated = new Promise<void>((resolve) => Deno.addSignalListener("SIGTERM", resolve));
  console.log(JSON.stringify({ port: simulator.port }));
  await Promise.race([terminated, Deno.stdin.readable.pipeTo(new WritableStream())]);
  Deno.exit(0);
}
