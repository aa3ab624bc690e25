"""Checks of a page by axe-core."""

from playwright.sync_api import Page

from harness.local import ROOT

AXE = ROOT / "web_client" / "node_modules" / "axe-core" / "axe.min.js"
# After a change of theme colours are between two values for a moment. Transitions are not waited for: a busy browser
# that shows video may never get to their end.
FIND_VIOLATIONS = """async () => {
  for (const animation of document.getAnimations()) if (animation instanceof CSSTransition) animation.finish();
  const { violations } = await axe.run();
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}"""


def accessibility_violations(page: Page) -> list[str]:
    """Rule and elements of each violation of axe-core's default rules (WCAG 2.2 A and AA, best practices)."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    return [str(violation) for violation in page.evaluate(FIND_VIOLATIONS)]
