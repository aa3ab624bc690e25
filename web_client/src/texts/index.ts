// Every text that the page's code shows; the rest of the page imports texts from here only. A translation is a folder beside
// `en` with the same names. Texts that never change stay in index.html; parameters and presets bring their own.

export * from "./en/checks";
export * from "./en/connection";
export * from "./en/page";
export * from "./en/problems";
