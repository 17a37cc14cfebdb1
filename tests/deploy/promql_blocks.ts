/** A query, and the page and line where it stands. */
export interface Documented {
  readonly where: string;
  readonly expression: string;
}

/** The queries of a page's `promql` blocks: a block is one, unless that is no expression; then each line is. */
export async function queriesOf(
  page: string,
  text: string,
  isExpression: (text: string) => Promise<boolean>,
): Promise<Documented[]> {
  const queries: Documented[] = [];
  for (const { 1: block = "", index } of text.matchAll(/```promql\n(.*?)```/gs)) {
    const where = `${page}:${text.slice(0, index).split("\n").length + 1}`;
    const expressions = await isExpression(block) ? [block] : block.trim().split("\n");
    queries.push(...expressions.map((expression) => ({ where, expression: expression.trim() })));
  }
  return queries;
}

/**
 * What an alert compares with its thresholds: the left side of each comparison that `and` and `or` join. Of what has to
 * be absent, that itself.
 */
export function operandsOf(expression: string): string[] {
  const outer = withoutInner(expression), operands: string[] = [];
  let start = 0;
  for (const { 0: word, index } of [...outer.matchAll(/\s(?:and|or)\s|$/g)]) {
    const end = index, comparison = /[=!]=|[<>]=?/.exec(outer.slice(start, end))?.index ?? end - start;
    operands.push(expression.slice(start, start + comparison));
    start = end + word.length;
  }
  return operands.map((operand) =>
    operand.trim().replace(/^absent\((.*)\)$/s, "$1").replace(/^(?:on|ignoring)\s*\(.*?\)/, "").trim()
  );
}

/** The text with blanks in place of what is in brackets and quotes. */
function withoutInner(text: string): string {
  let depth = 0;
  return text.replace(/"[^"]*"/g, ({ length }) => " ".repeat(length)).replace(/./gs, (character) => {
    if ("([{".includes(character)) depth++;
    const isInner = depth > 0;
    if (")]}".includes(character)) depth--;
    return isInner ? " " : character;
  });
}
