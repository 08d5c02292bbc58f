/*
 * Colours as YAML the notebook cells that begin with one of podlab's cell magics; other cells keep the kernel's language.
 * Folded cells show as much of their first line as fits.
 *
 * JupyterLab and Notebook 7 load this file as it is: a container of module federation, written by hand, since it takes
 * one module from the page (the notebook tracker) and offers one. JupyterLab's own YAML mode does the work.
 */
(() => {
  "use strict";

  const MAGICS = ["manifest", "predict", "exercise"]; // a test compares them with podlab.magics
  const FIRST_WORD = new RegExp(`^\\s*%%(${MAGICS.join("|")})(\\s|$)`);
  const YAML = "text/x-yaml";

  let modules; // what the page shares: name -> version -> {get, loaded}

  /** The page's one copy of a shared module; the loaded version, where there are several. */
  async function shared(name) {
    const versions = Object.values(modules[name] || {});
    const chosen = versions.find((version) => version.loaded) || versions[0];
    if (!chosen) throw new Error(`podlab: this page has no module ${name}`);
    return (await chosen.get())();
  }

  /** Keep the language of one code cell in step with its first line. */
  function follow(model, languageOfTheKernel) {
    const adapt = () => {
      const wanted = FIRST_WORD.test(model.sharedModel.getSource()) ? YAML : languageOfTheKernel();
      // The notebook sets the kernel's language on every cell when a kernel starts: then this is called again.
      if (model.mimeType !== wanted) model.mimeType = wanted;
    };
    model.contentChanged.connect(adapt);
    model.mimeTypeChanged.connect(adapt);
    adapt();
  }

  /** Follow the cells that a notebook has, and those that it gets. */
  function watch(panel) {
    const followed = new WeakSet();
    const followNew = () => {
      for (const model of panel.content.model?.cells ?? []) {
        if (model.type === "code" && !followed.has(model)) {
          followed.add(model);
          follow(model, () => panel.content.codeMimetype);
        }
      }
    };
    const begin = () => {
      panel.content.model?.cells.changed.connect(followNew);
      followNew();
    };
    panel.content.modelChanged.connect(begin);
    begin();
  }

  /** Show of a folded cell's first line what fits: one long line would give the whole page a scroll bar. */
  function shortenFolds() {
    const style = document.createElement("style");
    style.textContent = `
      .jp-InputPlaceholder .jp-Placeholder-content { min-width: 0; overflow: hidden; }
      .jp-InputPlaceholder .jp-Placeholder-contentContainer { display: flex; max-width: 100%; overflow: hidden; }
      .jp-InputPlaceholder .jp-PlaceholderText { overflow: hidden; text-overflow: ellipsis; white-space: pre; }
    `;
    document.head.append(style);
  }

  async function plugin() {
    const { INotebookTracker } = await shared("@jupyterlab/notebook");
    return {
      id: "podlab:yaml-cells",
      description: "Colours the cells of podlab's magics as YAML.",
      autoStart: true,
      requires: [INotebookTracker],
      activate: (_app, tracker) => {
        shortenFolds();
        tracker.forEach(watch);
        tracker.widgetAdded.connect((_tracker, panel) => watch(panel));
      },
    };
  }

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB.podlab = {
    init: (scope) => {
      modules = scope;
    },
    get: async (name) => {
      if (name !== "./extension") throw new Error(`podlab: unknown module ${name}`);
      const found = await plugin();
      return () => ({ __esModule: true, default: found });
    },
  };
})();
