/**
 * Pairs of wants and offers, each in one pair at most, as many as are possible. Earlier wants and
 * offers come first where there is a choice.
 */
export function pairUp<Want, Offer>(
  wants: readonly Want[],
  offers: readonly Offer[],
  fits: (want: Want, offer: Offer) => boolean,
): Map<Offer, Want> {
  const pairs = new Map<Offer, Want>();
  const place = (want: Want, tried: Set<Offer>): boolean => {
    for (const offer of offers) {
      if (tried.has(offer) || !fits(want, offer)) continue;
      tried.add(offer);
      const other = pairs.get(offer);
      if (other !== undefined && !place(other, tried)) continue;
      pairs.set(offer, want);
      return true;
    }
    return false;
  };
  for (const want of wants) place(want, new Set());
  return pairs;
}
