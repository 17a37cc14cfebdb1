/** Reads the connection table, opens the stream, and prints what came of it. */
import conntrack from "../../../collectors/conntrack/mod.ts";
import { Collecting } from "../../helpers/collecting.ts";

using collecting = new Collecting(conntrack);
const { source, qualities } = collecting;
let connections: number | undefined, error: string | undefined;
try {
  connections = (await collecting.collect()).get("conntrack_total_connections");
} catch (thrown) {
  error = (thrown as Error).message;
}
const stopping = new AbortController();
for await (const _ of source.stream!(stopping.signal)) stopping.abort();
const logged = collecting.logged.map((line) => line.replace(/^ts=\S+ /, "").trimEnd());
console.log(JSON.stringify({ connections, error, logged, events: qualities.get("events") }));
