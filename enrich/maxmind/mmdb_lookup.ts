import type { Figure, Lookup, Value } from "../../core/enricher.ts";
import { Ip } from "../../core/ip.ts";
import type { Log } from "../../core/log.ts";
import { describe } from "../../core/node.ts";
import {
  boolean,
  duration,
  file,
  folder,
  optional,
  setting,
  type Settings,
  type Shape,
  type ValuesOf,
} from "../../core/shape.ts";
import { sleep } from "../../core/work.ts";
import { Mmdb } from "./mmdb.ts";
import { MmdbFile } from "./mmdb_file.ts";
import { type Output, outputReader } from "./outputs.ts";

const LANGUAGE: Shape<string> = {
  expects: "a language such as en or pt-BR",
  read(node, problems) {
    if (node.kind === "scalar" && isLanguage(node.text)) return node.text;
    problems.add(node, `Expected a language such as en or pt-BR, not ${describe(node)}`);
    return undefined;
  },
};

function isLanguage(text: string): boolean {
  try {
    return Intl.getCanonicalLocales(text).length === 1;
  } catch {
    return false;
  }
}

export const MMDB_SETTINGS = {
  file: optional(file, { help: "The database, in the format of MaxMind" }),
  mmdb_dir: optional(folder, { help: "Folder in which a database is looked for by the usual names" }),
  required: setting(boolean, false, {
    help: "Whether the program ends when it has no database at its start",
  }),
  language: setting(LANGUAGE, "en", { help: "Language of names; English where the database lacks it" }),
  check_interval: setting(duration, 10, { help: "How often to look whether the database is another one" }),
} satisfies Settings;

/** Where packages and geoipupdate put databases. */
const DIRECTORIES: readonly string[] = ["/usr/share/GeoIP", "/var/lib/GeoIP"];

export interface MmdbKind {
  readonly enricher: string;
  readonly outputs: Readonly<Record<string, Output>>;
  /** How vendors name their files. */
  readonly files: readonly string[];
  /** The database where the settings name neither a file nor a folder. */
  readonly bundled?: () => Promise<Uint8Array<ArrayBuffer>>;
}

/** What a database knows of addresses. It is replaced when its file is. */
export class MmdbLookup implements Lookup {
  readonly #kind: MmdbKind;
  readonly #settings: ValuesOf<typeof MMDB_SETTINGS>;
  readonly #log: Log;
  readonly #readers: ReadonlyMap<string, (record: unknown) => Value | undefined>;
  /** Absent where the database comes with the program. */
  readonly #file: MmdbFile | undefined;
  readonly #listeners: (() => void)[] = [];
  #database: Mmdb | undefined;

  constructor(
    kind: MmdbKind,
    { settings, log }: { settings: ValuesOf<typeof MMDB_SETTINGS>; log: Log },
  ) {
    const { file, mmdb_dir: directory, language } = settings;
    this.#kind = kind;
    this.#settings = settings;
    this.#log = log;
    this.#readers = new Map(
      Object.entries(kind.outputs).map(([name, output]) => [name, outputReader(output, language)]),
    );
    if (file === undefined && directory === undefined && kind.bundled) return;
    const directories = directory === undefined ? DIRECTORIES : [directory.replace(/(?!^)\/+$/, "")];
    const paths = directories.flatMap((directory) => kind.files.map((name) => `${directory}/${name}`));
    this.#file = new MmdbFile(file === undefined ? paths : [file]);
  }

  lookup(value: Value, output: string): Value | undefined {
    return value instanceof Ip ? this.#readers.get(output)?.(this.#database?.find(value)) : undefined;
  }

  async load(): Promise<void> {
    if (this.#file) await this.#look(this.#file);
    else if (this.#kind.bundled) this.#database = new Mmdb(await this.#kind.bundled());
  }

  async run(signal: AbortSignal): Promise<void> {
    if (this.#file === undefined) return;
    for (;;) {
      await sleep(1000 * this.#settings.check_interval, signal);
      if (signal.aborted) return;
      await this.#look(this.#file);
    }
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  figures(): readonly Figure[] {
    return [{
      name: "geoip_database_build_timestamp_seconds",
      type: "gauge",
      help: "When the database was built, in seconds since 1970; 0 without a database",
      value: this.#database?.buildTimestamp ?? 0,
    }];
  }

  async #look(file: MmdbFile): Promise<void> {
    const { enricher } = this.#kind;
    try {
      const found = await file.look();
      if (found === undefined) return;
      const { path, database } = found;
      this.#database = database;
      this.#log.info("Loaded a GeoIP database", { enricher, path, type: database.type });
    } catch (error) {
      if (this.#database) this.#log.warn("The GeoIP database stays as it was", { enricher, error });
      else if (this.#settings.required) throw error;
      else this.#log.warn("There is no GeoIP database", { enricher, error });
      return;
    }
    for (const listener of this.#listeners) listener();
  }
}
