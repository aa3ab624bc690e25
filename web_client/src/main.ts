// Which page this is: the editor's, or a viewer's.

import { parseLink } from "./share_link";

void (parseLink(location.href) === null ? import("./editor") : import("./watch_page"));
