import fc from "fast-check";

// A property that one draw in a thousand breaks must not refuse a commit that has nothing to do with it.
const seed = Number(process.env["PROPERTY_SEED"] ?? 20_261_130);
fc.configureGlobal({ seed });
