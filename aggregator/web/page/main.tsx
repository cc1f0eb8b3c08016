import { render } from "preact";
import { App } from "./app.tsx";
import { followOverview, startClock } from "./overview-store.ts";
import { followLinks } from "./route.ts";
import { readSession } from "./session.ts";
import { applySettings } from "./settings.ts";
import { followKeys } from "./shell/keys.ts";

applySettings();
followLinks();
followKeys();
startClock();
void readSession();
void followOverview();
const place = document.querySelector("#app");
if (place !== null) render(<App />, place);
