// `npm run demo`: sets up if needed, then runs demo/main.mjs until Ctrl-C.
import { setUp } from "./set-up.mjs";

setUp();
await import("../demo/main.mjs");
