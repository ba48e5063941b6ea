async function picture() {
  if (!isReady) {
    return message('Loading …');
  }
  let blob;
  try {
    blob = await fetched();
  } catch (problem) {
    if (isCurrent()) {
      dom.querySelector('img')?.remove();
    }
    return message(problem.message);
  }
  if (!isCurrent()) {
    return {};
  }
  const place = { position: 'absolute', inset: '0', width: '100%', height: '100%', objectFit: 'contain' };
  const image = dom.querySelector('img') ?? element('img', place);
  URL.revokeObjectURL(image.src);
  image.alt = '__ALTERNATIVE__';
  image.src = URL.createObjectURL(blob);
  return {};
}
