// Files that the page hands to the user.

/** A name with the local time: `lipar-2026-01-31-170501-result.png`. */
export function fileName(content: string, extension: string, time = new Date()): string {
  const local = new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString();
  const [date = "", clock = ""] = local.slice(0, 19).split("T");
  return `lipar-${date}-${clock.replaceAll(":", "")}-${content}.${extension}`;
}

/** Saves to the browser's folder for downloads. */
export function download(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(link.href);
  }, 60_000); // the browser reads it after the click
}
