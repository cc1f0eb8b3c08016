import { childrenOf, withoutParens } from "../../aggregator/promql/ast.ts";
import { exprType } from "../../aggregator/promql/check.ts";
import { formatExpr } from "../../aggregator/promql/format.ts";
import { parsePromql } from "../../aggregator/promql/parse.ts";
import { SeededRandom } from "../support/random.ts";
import { difference, TOLERANCE } from "./compare.ts";
import { type Asked, QueryGenerator } from "./generate.ts";
import { KNOWN_DIFFERENCES } from "./known-differences.ts";
import { differentialSamples } from "./samples.ts";
import { type Answer, askOurs, askReal, startReal } from "./sides.ts";

type Ask = (asked: Asked) => Promise<Answer>;

/** Queries in flight at the same time. */
const AT_ONCE = 4;
const PROGRESS_EVERY = 250;
const SHOWN_MAX = 30;

/** @returns how many queries were answered differently, but for known differences */
export async function runDifferential(count: number, seed: number): Promise<number> {
  console.log(`seed ${seed}, ${count} queries`);
  const random = new SeededRandom(seed);
  const store = differentialSamples(random.fork("samples"));
  await using real = await startReal(store);
  const duel = new Duel(askReal(real), askOurs(store));
  const generator = new QueryGenerator(random.fork("queries"));
  const queries = Array.from({ length: count }, (_, i) => generator.next(i));
  for (let from = 0; from < count; from += PROGRESS_EVERY) {
    for (let i = from; i < Math.min(count, from + PROGRESS_EVERY); i += AT_ONCE) {
      await Promise.all(queries.slice(i, i + AT_ONCE).map((asked) => duel.ask(asked)));
    }
    console.log(`${Math.min(count, from + PROGRESS_EVERY)} asked, ${duel.different} different`);
  }
  for (const [name, times] of duel.known) console.log(`known difference, ${times} times: ${name}`);
  console.log(`${duel.failing} of the queries are errors on both sides, ${duel.empty} are empty`);
  console.log(`${count - duel.different} of ${count} as in Prometheus`);
  return duel.different;
}

type Comparison = {
  readonly asked: Asked;
  readonly real: Answer;
  readonly ours: Answer;
  readonly found: string | null;
};

class Duel {
  readonly #real: Ask;
  readonly #ours: Ask;
  readonly known = new Map<string, number>();
  different = 0;
  failing = 0;
  empty = 0;

  constructor(real: Ask, ours: Ask) {
    this.#real = real;
    this.#ours = ours;
  }

  async ask(asked: Asked): Promise<void> {
    const { found, real, ours } = await this.#compare(asked);
    if (real.error !== null && ours.error !== null) this.failing += 1;
    if (Array.isArray(real.data?.result) && real.data.result.length === 0) this.empty += 1;
    if (found === null) return;
    const smallest = await this.#reduce(asked);
    const known = KNOWN_DIFFERENCES.find(({ applies }) =>
      applies(smallest.asked, smallest.real, smallest.ours),
    );
    if (known !== undefined) {
      this.known.set(known.name, (this.known.get(known.name) ?? 0) + 1);
      return;
    }
    this.different += 1;
    if (this.different > SHOWN_MAX) return;
    const { query, startS, endS, stepS } = smallest.asked;
    const when = stepS === 0 ? `at ${startS}` : `from ${startS} to ${endS} step ${stepS}`;
    console.log(`DIFFERENT: ${query}\n  ${when}: ${smallest.found}\n  in: ${asked.query}`);
  }

  async #compare(asked: Asked): Promise<Comparison> {
    const [real, ours] = await Promise.all([this.#real(asked), this.#ours(asked)]);
    const strictness = { isOrdered: isOrdered(asked), tolerance: TOLERANCE };
    return { asked, real, ours, found: difference(real, ours, strictness) };
  }

  /** The smallest part of the query that is answered differently too. */
  async #reduce(asked: Asked): Promise<Comparison> {
    for (const part of partsOf(asked)) {
      if ((await this.#compare(part)).found !== null) return this.#reduce(part);
    }
    return this.#compare(asked);
  }
}

function isOrdered({ query, stepS }: Asked): boolean {
  return stepS === 0 && /^(?:sort(?:_desc)?|topk|bottomk) ?\([^[]*$/.test(query);
}

/** What can be asked by itself: a range vector only at an instant. */
function partsOf(asked: Asked): Asked[] {
  try {
    const expr = withoutParens(parsePromql(asked.query));
    return childrenOf(expr)
      .filter((part) => exprType(part) !== "string")
      .filter((part) => asked.stepS === 0 || exprType(part) !== "matrix")
      .map((part) => ({ ...asked, query: formatExpr(withoutParens(part)) }));
  } catch {
    return []; // a query that ours does not read has no parts
  }
}
