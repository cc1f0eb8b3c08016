/**
 * False with TELLTALE_FOOTPRINT=off: the agent then runs without what it does to stay small, to find
 * out whether that is to blame for something.
 */
export const isFootprintKept = process.env["TELLTALE_FOOTPRINT"] !== "off";
