/**
 * Runs the collector of connections by hand in a network namespace. It does what the lines of its standard input say,
 * a name and JSON, and answers each with a line of JSON.
 */
import { answerLines, type Commands } from "../helpers/answer_lines.ts";
import conntrack from "../../collectors/conntrack/mod.ts";
import { drive } from "../../core/work.ts";
import { Collecting, type CollectingOptions } from "../helpers/collecting.ts";
import { seriesOf } from "../helpers/pipelines.ts";

const NEVER = new AbortController().signal;

let collecting: Collecting;
const problems: Record<string, number> = {};

/** The answer to each command. */
const COMMANDS: Commands = {
  open: (options: CollectingOptions) => void (collecting = new Collecting(conntrack, options)),
  /** Answers when it hears of connections that end. */
  hear() {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    drive(collecting.source.stream!(NEVER), { between: resolve }).catch(reject);
    return promise;
  },
  async pass() {
    keepProblems();
    await collecting.collect();
    return await show();
  },
  show,
};

/** A pass forgets those before it. */
function keepProblems(): void {
  for (const [reason, count] of collecting.problems) problems[reason] = (problems[reason] ?? 0) + count;
  collecting.problems.clear();
}

/** What is known now. */
async function show() {
  const { pipeline, qualities } = collecting;
  pipeline.tick(Math.floor(performance.now() / 1000));
  await drive(pipeline.settle("stream"));
  keepProblems();
  const series = Object.fromEntries(seriesOf(pipeline));
  return { series, problems, qualities: Object.fromEntries(qualities) };
}

await answerLines(COMMANDS);
