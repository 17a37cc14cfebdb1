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
    this.#merge = {
      stride,
      isLargest: type === "gauge" && field?.type === "number" && field.shared === true,
    };
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
    return yield* mergeViews([present, this.#gone], this.#merge);
  }
}
