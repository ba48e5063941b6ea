// One floor in the look that is chosen: three that the backend draws on the plan, or a landscape of its cells.
async function shown() {
  if (!isReady) {
    return message('Loading …');
  }
  if (replaceVariables('${look}') === 'surface') {
    dom.querySelector('img')?.remove();
    return surface();
  }
  return picture();
}
return shown();
