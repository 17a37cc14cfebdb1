import type { Context } from "../../core/collector.ts";
import type { Sink } from "../../core/record.ts";
import { FLOW } from "../../parsers/flow.ts";
import { NetflowV5, V5_COMMON } from "../../parsers/netflow_v5.ts";
import type { Exporter } from "./exporters.ts";
import { FLOWS } from "./records.ts";

/** What can be wrong with a datagram. */
export const REASONS = ["short", "count", "truncated", "oversized", "version", "unsupported"] as const;
type Reason = (typeof REASONS)[number];

/** The first word of a datagram of NetFlow 9, and of IPFIX; sFlow begins with a word of 32 bits. */
const NETFLOW_9 = 9, IPFIX = 10, SFLOW_5 = 5;

/** What is the same for all flows of a datagram. */
const WRITTEN: readonly number[] = [FLOW.exporter, FLOW.engine, FLOW.sampling_rate, FLOW.flows];

/** Where a datagram stands. */
export interface Datagram {
  readonly view: DataView;
  readonly start: number;
  readonly length: number;
  /** Whether there was more of it. */
  readonly isCut: boolean;
}

interface Rejection extends Readonly<Record<string, string | number>> {
  readonly lost?: number;
}

/** Makes records of datagrams, whose protocol is told by their version word. */
export class Decoder {
  readonly #context: Context;
  readonly #flows: Sink;
  readonly #v5 = new NetflowV5();

  constructor(context: Context) {
    this.#context = context;
    this.#flows = context.sink(FLOWS);
    this.#v5.isWhole = Object.values(FLOW).some((at) =>
      this.#flows.uses(at) && !WRITTEN.includes(at) && !V5_COMMON.includes(at)
    );
  }

  /** Takes a datagram of an exporter, received at `now` in milliseconds. */
  decode(datagram: Datagram, exporter: Exporter, now: number): void {
    const { view, start, length, isCut } = datagram;
    exporter.datagrams++;
    if (isCut) return this.#reject("oversized", exporter);
    if (length < 2) return this.#reject("short", exporter);
    const version = view.getUint16(start);
    if (version === 5) this.#decodeV5(datagram, exporter, now);
    else this.#rejectVersion(version, datagram, exporter);
  }

  #rejectVersion(version: number, datagram: Datagram, exporter: Exporter): void {
    const name = nameOf(version, datagram);
    if (name === undefined) this.#reject("version", exporter, { version });
    else this.#reject("unsupported", exporter, { protocol: name, advice: "let it send NetFlow v5" });
  }

  /** Counts what cannot be read of a datagram. */
  #reject(reason: Reason, exporter: Exporter, { lost = 1, ...details }: Rejection = {}): void {
    exporter.undecoded += lost;
    this.#context.problem(reason, { exporter: exporter.ip?.toString() ?? "unknown", ...details });
  }

  #decodeV5({ view, start, length }: Datagram, exporter: Exporter, now: number): void {
    const v5 = this.#v5, flows = this.#flows, { row } = flows;
    v5.begin(view, start, length);
    const { fault, count, missing, uptime } = v5;
    if (fault !== undefined) this.#reject(fault, exporter, { lost: Math.max(1, missing) });
    if (fault === "short") return;
    const rate = exporter.fixedRate ?? v5.samplingRate;
    row[FLOW.exporter] = exporter.number;
    row[FLOW.engine] = v5.engine;
    row[FLOW.sampling_rate] = row[FLOW.flows] = rate;
    let passed = 0;
    while (v5.next(row, rate)) if (flows.emit()) passed++;
    exporter.samplingRate = rate;
    exporter.flows += count;
    exporter.filtered += count - passed;
    exporter.sequenceOf(v5.engine)?.take(v5.sequence, count + missing, { uptime, now });
  }
}

/** A protocol that is known and not read. */
function nameOf(version: number, { view, start, length }: Datagram): string | undefined {
  if (version === NETFLOW_9) return "NetFlow v9";
  if (version === IPFIX) return "IPFIX";
  return length >= 4 && view.getUint32(start) === SFLOW_5 ? "sFlow" : undefined;
}
