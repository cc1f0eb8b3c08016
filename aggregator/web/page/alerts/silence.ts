/** As Alertmanager's API has it. */
export type Silence = {
  readonly id: string;
  readonly status: { readonly state: "active" | "pending" | "expired" };
  readonly matchers: readonly Matcher[];
  readonly startsAt: string;
  readonly endsAt: string;
  readonly createdBy: string;
  readonly comment: string;
};

export type Matcher = {
  readonly name: string;
  readonly value: string;
  readonly isRegex: boolean;
  readonly isEqual: boolean;
};

export const OPERATORS = ["=", "!=", "=~", "!~"] as const;
export type Operator = (typeof OPERATORS)[number];

export function operatorOf({ isRegex, isEqual }: Matcher): Operator {
  if (isRegex) return isEqual ? "=~" : "!~";
  return isEqual ? "=" : "!=";
}

export function withOperator(matcher: Matcher, operator: Operator): Matcher {
  return { ...matcher, isRegex: operator.endsWith("~"), isEqual: operator.startsWith("=") };
}

export function matcherText(matcher: Matcher): string {
  return `${matcher.name}${operatorOf(matcher)}${JSON.stringify(matcher.value)}`;
}
