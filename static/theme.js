// Light, dark, or whatever the system says. Runs before the first paint (a classic script), so that nothing flashes.

{
  // The first click is to be seen, whatever the system says.
  const CHOICES = matchMedia('(prefers-color-scheme: dark)').matches ? ['auto', 'light', 'dark'] : ['auto', 'dark', 'light'];
  const root = document.documentElement;
  const stored = localStorage.getItem('boshd-theme');
  let choice = CHOICES.includes(stored) ? stored : 'auto';
  root.dataset.theme = choice;

  document.addEventListener('DOMContentLoaded', () => {
    const button = document.getElementById('theme');
    const name = () => { button.title = `Theme: ${choice}`; button.setAttribute('aria-label', `Theme: ${choice}. Change`); };
    name();
    button.addEventListener('click', () => {
      choice = CHOICES[(CHOICES.indexOf(choice) + 1) % CHOICES.length];
      root.dataset.theme = choice;
      localStorage.setItem('boshd-theme', choice);
      name();
    });
  });
}
