/** Version of the programs of this package; the one in package.json (a test holds them together). */
export const VERSION = "0.1.0";
