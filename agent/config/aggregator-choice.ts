import { z } from "zod";
import { address } from "../../shared/config/fields.ts";
import { formatAddress } from "../../shared/model/address.ts";

const DESTINATIONS_MAX = 16;
const WEIGHT_MAX = 1000;

const addresses = z
  .array(address)
  .min(1, "at least one address")
  .max(DESTINATIONS_MAX, `more than ${DESTINATIONS_MAX} addresses`)
  .refine(
    (list) => new Set(list.map(formatAddress)).size === list.length,
    "an address is there twice",
  );

const one = address.transform((only) => ({ ...PICK_FIRST, addresses: [only] }));
const list = addresses.transform((several) => ({ ...PICK_FIRST, addresses: several }));
const block = z
  .strictObject({
    addresses,
    policy: z
      .enum(["pick_first", "round_robin", "random", "weighted", "mirror"])
      .default("pick_first"),
    weights: z.array(z.number().int().min(1).max(WEIGHT_MAX)).nullable().default(null),
  })
  .superRefine((given, context) => {
    if (given.weights === null) return;
    const count = given.addresses.length;
    const message =
      given.policy !== "weighted"
        ? `without "policy: weighted" they say nothing`
        : given.weights.length !== count
          ? `${given.weights.length} weights for ${count} addresses`
          : null;
    if (message !== null) context.addIssue({ code: "custom", path: ["weights"], message });
  });

const PICK_FIRST: Omit<AggregatorChoice, "addresses"> = { policy: "pick_first", weights: null };

/** Where the agent sends to, and how it chooses. */
export type AggregatorChoice = z.infer<typeof block>;

/**
 * `HOST:PORT`, a list of them of which the first is preferred, or a block with `addresses`,
 * `policy` and `weights`.
 */
export const aggregatorChoice = z.unknown().transform((given, context): AggregatorChoice => {
  const schema = typeof given === "string" ? one : Array.isArray(given) ? list : block;
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  // Not a union: of that, a fault would only be told as none of three things.
  for (const { path, message } of result.error.issues) {
    context.addIssue({ code: "custom", path: [...path], message });
  }
  return z.NEVER;
});
