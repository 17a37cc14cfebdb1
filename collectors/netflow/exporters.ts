import type { Ip } from "../../core/ip.ts";
import type { PrefixTrie } from "../../core/prefix_trie.ts";
import type { Vocabulary } from "../../core/vocabulary.ts";
import { Sequence } from "./sequence.ts";

/** Anyone can send datagrams in any name: beyond so many exporters, and engines of one, they are no longer told apart. */
const MAX_EXPORTERS = 1024, MAX_ENGINES = 64;
/** When there are as many, one that is silent for so long makes room. */
const MAX_SILENCE_MS = 3_600_000;

/** Whoever sends flows, and what is known of them. */
export class Exporter {
  datagrams = 0;
  flows = 0;
  /** What was lost of it: flows that cannot be read or are filtered out. */
  undecoded = 0;
  filtered = 0;
  /** What the last datagram said. */
  samplingRate = 1;
  /** When the last datagram came, on the clock of `now` and in milliseconds since 1970. */
  lastSeen = 0;
  seenAt = 0;
  readonly #sequences = new Map<number, Sequence>();

  /** The number of its address in the records; NaN for all that are not told apart. */
  constructor(public number: number, readonly ip: Ip | undefined, readonly fixedRate: number | undefined) {}

  /** The sequence of one of its engines, unless there are too many. */
  sequenceOf(engine: number): Sequence | undefined {
    let sequence = this.#sequences.get(engine);
    if (sequence === undefined && this.ip !== undefined && this.#sequences.size < MAX_ENGINES) {
      sequence = new Sequence();
      this.#sequences.set(engine, sequence);
    }
    return sequence;
  }

  settle(now: number): void {
    for (const sequence of this.#sequences.values()) sequence.settle(now);
  }

  /** The sequences by engine. */
  get sequences(): ReadonlyMap<number, Sequence> {
    return this.#sequences;
  }

  get restarts(): number {
    return this.#sequences.values().reduce((sum, { restarts }) => sum + restarts, 0);
  }
}

export class Exporters {
  readonly #vocabulary: Vocabulary;
  readonly #rates: PrefixTrie<number>;
  readonly #byNumber = new Map<number, Exporter>();
  /** Those that are not told apart, by their sampling rate where that is given. */
  readonly #others = new Map<number | undefined, Exporter>();
  #generation = 0;

  /** The rates are those of networks whose exporters do not say it right. */
  constructor(vocabulary: Vocabulary, rates: PrefixTrie<number>) {
    this.#vocabulary = vocabulary;
    this.#rates = rates;
  }

  /** The exporter whose address has the number. */
  of(number: number): Exporter {
    this.#renumber();
    return this.#byNumber.get(number) ?? this.#add(number);
  }

  /** All of them, with what is lost until now. */
  *settle(now: number): Iterable<Exporter> {
    this.#renumber();
    const isFull = this.#byNumber.size >= MAX_EXPORTERS;
    for (const exporter of [...this.#byNumber.values()]) {
      // Whoever takes them may have let the vocabulary forget.
      this.#renumber();
      if (isFull && now - exporter.lastSeen > MAX_SILENCE_MS) this.#byNumber.delete(exporter.number);
      else {
        exporter.settle(now);
        yield exporter;
      }
    }
    for (const exporter of this.#others.values()) if (exporter.datagrams > 0) yield exporter;
  }

  #add(number: number): Exporter {
    const ip = number === number ? this.#vocabulary.ipOf(number) : undefined,
      rate = ip && this.#rates.find(ip);
    if (ip === undefined || this.#byNumber.size >= MAX_EXPORTERS) return this.#other(rate);
    const exporter = new Exporter(number, ip, rate);
    this.#byNumber.set(number, exporter);
    return exporter;
  }

  #other(rate: number | undefined): Exporter {
    const exporter = this.#others.get(rate) ?? new Exporter(NaN, undefined, rate);
    this.#others.set(rate, exporter);
    return exporter;
  }

  /** Gives new numbers when the vocabulary has forgotten the old ones. */
  #renumber(): void {
    if (this.#vocabulary.generation === this.#generation) return;
    const exporters = [...this.#byNumber.values()];
    this.#generation = this.#vocabulary.generation;
    this.#byNumber.clear();
    for (const exporter of exporters) {
      exporter.number = this.#vocabulary.ip(exporter.ip!);
      this.#byNumber.set(exporter.number, exporter);
    }
  }
}
