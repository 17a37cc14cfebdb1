/** What a client asks for. */
export interface Command {
  /** The first word. */
  readonly name: string;
  /** `=name=value` */
  readonly attributes: ReadonlyMap<string, string>;
  /** `?name=value`; undefined if there are queries of another kind. */
  readonly queries: ReadonlyMap<string, string> | undefined;
  readonly tag: string | undefined;
}

export function parseCommand([name = "", ...words]: readonly string[]): Command {
  const queries = words.filter((word) => word.startsWith("?")).map((word) =>
    /^\?([^=?<>#-][^=]*)=(.*)$/s.exec(word)
  );
  return {
    name,
    attributes: new Map(pairsIn(words, /^=([^=]+)=(.*)$/s)),
    queries: queries.includes(null) ? undefined : new Map(queries.map((match) => [match![1]!, match![2]!])),
    tag: pairsIn(words, /^(\.tag)=(.*)$/s)[0]?.[1],
  };
}

function pairsIn(words: readonly string[], pattern: RegExp): [string, string][] {
  return words.map((word) => pattern.exec(word)).filter((match) => match !== null)
    .map((match) => [match[1]!, match[2]!]);
}
