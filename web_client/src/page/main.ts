// Entry point: loads the editor's page or, for a watch link, the viewer's.

import { parseWatchLink } from "../session/watch_link";
import { bindTheme } from "./theme";

bindTheme();
void (parseWatchLink(location.href) === null ? import("./editor") : import("./watch_page"));
