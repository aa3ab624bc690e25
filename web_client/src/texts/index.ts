// Every text of the page, which is imported from here only: a translation is a folder beside `en` with the same names.
// Parameters and presets bring their own texts.

export * from "./en/checks";
export * from "./en/connection";
export * from "./en/document";
export * from "./en/page";
export * from "./en/problems";
