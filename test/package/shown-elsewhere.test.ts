/** What the README and the documents beside the guides show works. */
import { showsWhatWorks } from "./documents/shown.ts";

showsWhatWorks((file) => !file.startsWith("docs/guides/"));
