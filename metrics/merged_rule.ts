import { QUANTILES } from "./group.ts";
import { type Merge, mergeViews, rowsIn } from "./merge_views.ts";
import { EMPTY, type Rule, type RuleOptions, type Shown, type View } from "./rule.ts";

/** A rule as all threads show it. */
export class MergedRule implements Shown {
  readonly options: RuleOptions;
  readonly #merge: Merge;
  view: View = EMPTY;
  folded = 0;
  /** What the threads showed last. */
  #before: readonly View[] = [];
  /** The last numbers of rows that one thread has let go, as long as another goes on with them: counters never fall. */
  #gone: View = EMPTY;

  constructor({ options, stride }: Pick<Rule, "options" | "stride">) {
    const { type, source, valueAt } = options;
    this.options = options;
    const field = Object.values(source.fields)[valueAt];
    // A gauge of a state that all threads see is the largest that any of them has seen. So is the quantile of a summary:
    // that of all values together is not known, but is never above the largest of those of the threads.
    const isState = type === "gauge" && field?.type === "number" && field.shared === true;
    this.#merge = { stride, sums: isState ? 0 : type === "summary" ? QUANTILES : stride };
  }

  *merge(parts: readonly { readonly view: View; readonly folded: number }[]): Iterable<void> {
    const views = parts.map(({ view }) => view), merge = this.#merge;
    const present = yield* mergeViews(views, merge);
    this.view = this.options.source.kind === "stream" ? yield* this.#withGone(views, present) : present;
    this.folded = parts.reduce((sum, { folded }) => sum + folded, 0);
  }

  *#withGone(views: readonly View[], present: View): Generator<void, View> {
    const gone = [this.#gone];
    for (const [i, before] of this.#before.entries()) gone.push(yield* rowsIn(before, views[i]!, false));
    this.#before = views;
    this.#gone = yield* rowsIn(yield* mergeViews(gone, this.#merge), present, true);
    if (this.options.type === "summary") this.#forgetQuantiles(this.#gone);
    return yield* mergeViews([present, this.#gone], this.#merge);
  }

  /** They are of the last minutes, of which a thread that has let a row go has nothing left. */
  #forgetQuantiles({ values }: View): void {
    const { stride, sums } = this.#merge;
    for (let at = 0; at < values.length; at += stride) values.fill(NaN, at + sums, at + stride);
  }
}
