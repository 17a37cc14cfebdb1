import type { InterfaceNames } from "./interface_names.ts";
import type { Log } from "./log.ts";
import type { Literal } from "./node.ts";
import type { Intake, RecordType } from "./record.ts";
import type { Settings, ValuesOf } from "./shape.ts";
import type { Work } from "./work.ts";

/** Where the kernel's files are; `--path.procfs` and `--path.sysfs`. */
export interface Paths {
  readonly procfs: string;
  readonly sysfs: string;
}

/** Whether procfs is that of this host, so that what the kernel says by other roads is the same. */
export function isOwnProcfs(paths: Paths): boolean {
  return paths.procfs === "/proc";
}

/** What a source is given to do its work with. */
export interface Context extends Intake {
  readonly log: Log;
  readonly paths: Paths;
  /** What is known of the interfaces of routers, whoever has read it. */
  readonly interfaceNames: InterfaceNames;
  /** Counts what could not be read, and logs it at a limited rate. */
  problem(reason: string, details?: Readonly<Record<string, unknown>> & { readonly count?: number }): void;
  /** Tells whether the data are as good as they can be, in one respect. */
  quality(check: string, isGood: boolean): void;
}

/** A configured collector. What it opens, it opens when its work begins. */
export interface Source {
  /** One pass over the whole present state. Must end soon after the signal is aborted. */
  snapshot?(signal: AbortSignal): Work;
  /** Emits what is to be shown of a pass that has failed: records that tell of the source itself. */
  failed?(error: unknown): Work;
  /** Runs until the signal is aborted. It yields for the first time when it is open, before it waits for data. */
  stream?(signal: AbortSignal): Work;
  /** Emits what a file of captured packets gives, in place of what comes by itself. It first yields when that is open. */
  replay?(path: string): Work;
  /** Lets go of what the source holds open. */
  close?(): void;
}

export type Capability = "CAP_DAC_READ_SEARCH" | "CAP_NET_ADMIN" | "CAP_NET_RAW" | "CAP_SYS_PTRACE";

export interface Privilege {
  readonly capability: Capability;
  /** What it is needed for, as the end of a sentence. */
  readonly purpose: string;
}

/** A metric that a collector ships, in the language of the `rules:` of the configuration. */
export type ShippedRule = { readonly [key: string]: Literal };

/** One of several things that a collector looks at, each by itself: with a source, a schedule and failures of its own. */
export interface Target<S extends Settings = Settings> {
  readonly name: string;
  /** Those of the collector, as if there were this one only. */
  readonly settings: ValuesOf<S>;
  /** Seconds between its snapshots. */
  readonly interval: number;
}

export interface Targets<S extends Settings> {
  /** The field of all records that tells the targets apart. With several, it is a label of the shipped rules. */
  readonly field: string;
  of(settings: ValuesOf<S>): readonly Target<S>[];
  /** The one that somebody asks for by an HTTP request; throws a `ProbeError` when he may not. */
  probe?(query: URLSearchParams, settings: ValuesOf<S>): Promise<Target<S>>;
}

/** Why a target is not asked. */
export class ProbeError extends Error {
  /** `status` is that of the answer. */
  constructor(readonly status: 400 | 403 | 404 | 502 | 503, message: string) {
    super(message);
  }
}

/**
 * A source of records: everything that the rest of the program needs to know of it. Importing and opening it has no
 * effects.
 */
export interface Collector<S extends Settings = Settings> {
  readonly name: string;
  readonly help: string;
  /** Whether it runs when nobody says anything. */
  readonly enabled: boolean;
  /** When a snapshot is taken: at a scrape, or every `--collector.interval` seconds. */
  readonly schedule: "scrape" | "interval";
  readonly privileges: readonly Privilege[];
  readonly records: readonly RecordType[];
  readonly rules: readonly ShippedRule[];
  /** Its keys in the configuration; a scalar is also a flag `--collector.NAME.KEY`. */
  readonly settings: S;
  /** The reasons with which it may call `problem()`: they become label values. */
  readonly reasons: readonly string[];
  /** The checks with which it may call `quality()`: they become label values. */
  readonly checks?: readonly string[];
  /** What is wrong with settings that are right one by one, if anything. */
  check?(settings: ValuesOf<S>): string | undefined;
  /** Of a collector that looks at several things; `open` is then called for each. */
  readonly targets?: Targets<S>;
  /** Whether its sources can replay files of captured packets. */
  readonly replays?: true;
  /** How many threads share the work: each opens a source of its own, and what they count is added up. */
  shards?(settings: ValuesOf<S>): number;
  open(settings: ValuesOf<S>, context: Context): Source;
}

export function collector<const S extends Settings>(definition: Collector<S>): Collector {
  return definition as unknown as Collector;
}
