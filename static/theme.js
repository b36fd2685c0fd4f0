// Light, dark, or whatever the system says. Runs before the first paint (a classic script), so that nothing flashes.

{
  const CHOICES = ['auto', 'light', 'dark'];
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
