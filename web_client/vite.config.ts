import { defineConfig } from "vitest/config";
import { documentTexts } from "./document_texts";

// `npm run dev` serves the page itself and hands the rest to a server started with `lipar serve`.
const server = "http://127.0.0.1:8000";

export default defineConfig({
  base: "./", // a proxy may serve the page under a path prefix
  plugins: [documentTexts()],
  build: { outDir: "../server/static", emptyOutDir: true, target: "es2022" },
  server: { proxy: { "/api": server, "/healthz": server, "/readyz": server } },
  test: { include: ["tests/**/*.test.ts"] },
});
