"""``--stub-missing``: what a file imports and its network does not need is replaced, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from rfkit.isolation import Job, Traced, trace_all
from tests.rfkit.projects import write

# No package here has the name of a real one, which might be installed.
HEAD = "import torch\nfrom torch import nn\n"


def net(constructor: str = "pass", forward: str = "pass", base: str = "nn.Module") -> str:
    return (
        f"class Net({base}):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.conv = nn.Conv2d(3, 8, 3)\n"
        f"        {constructor}\n"
        "    def forward(self, x):\n"
        f"        {forward}\n"
        "        return self.conv(x)\n"
    )


INERT = {
    "summary": "from no_torchsummary import summary\n" + net() + "summary(Net(), (3, 32, 32))\n",
    "plots": "import no_matplotlib.pyplot as plt\n"
    "from no_matplotlib import ticker, colors as c\n"
    "plt.style.use('ggplot')\n"
    "plt.rcParams['font.size'] = 8\n"
    "plt.rcParams.update({'axes.grid': True})\n"
    "figure, *axes = (plt.figure(), *plt.axes())\n"
    "figure.dpi += 10\n" + net(),
    "progress": "from no_tqdm import no_tqdm\nfor _ in no_tqdm(range(3), desc='x'):\n    raise ValueError\n" + net(),
    "context": "import no_wandb\nwith no_wandb.init(project='x') as run:\n    run.log({'a': 1})\n" + net(),
    "compared": "import no_cv2\nif no_cv2.__version__ >= '4' or no_cv2 == 3 or not no_cv2.ok or 3 in no_cv2.all:\n    pass\n"
    "print(len(no_cv2.x), no_cv2.x | None, -no_cv2.x @ 3, bool(no_cv2.x), no_cv2)\n" + net(),
    "decorated": "import no_hydra\n@no_hydra.main(config_path='conf')\ndef train(cfg):\n    raise ValueError\n"
    "@no_hydra.register\nclass Data:\n    pass\n" + net(),
    "annotated": "from no_jaxtyping import Float\nimport no_einops as e\n"
    "def shown(x: Float[torch.Tensor, 'b c']) -> e.Shape: ...\n" + net(),
    "data": "import no_albumentations as A\nfrom no_skimage.data import Images\n"
    "class Data(Images):\n    def __init__(self):\n        self.tf = A.Compose([A.Flip()])\n"
    "data = Data()\n" + net(),
    "submodules": "import no_apex.optimizers.fused\nimport no_apex.amp as amp\nfrom no_apex.amp import *\n"
    "no_apex.optimizers.fused.FusedAdam.__name__ if False else no_apex.optimizers\n" + net(),
    "neighbour": "from helper import plot\nplot()\n" + net(),
    "prepared": "try:\n    from no_apex.norms import Norm\nexcept ImportError:\n    Norm = nn.BatchNorm2d\n"
    + net("self.norm = Norm(8)"),
    "suppressed": "from contextlib import suppress\nNorm = nn.BatchNorm2d\nwith suppress(ImportError):\n"
    "    from no_apex.norms import Norm\n" + net("self.norm = Norm(8)"),
    "asked": "from importlib.util import find_spec\nNorm = nn.BatchNorm2d\nif find_spec('no_apex'):\n"
    "    from no_apex.norms import Norm\n" + net("self.norm = Norm(8)"),
}  # fmt: skip
HELPER = "import no_seaborn as sns\nsns.set_theme()\ndef plot():\n    sns.lineplot()\n"
REPLACED = {
    "summary": ("no_torchsummary",),
    "plots": ("no_matplotlib",),
    "progress": ("no_tqdm",),
    "context": ("no_wandb",),
    "compared": ("no_cv2",),
    "decorated": ("no_hydra",),
    "annotated": ("no_einops", "no_jaxtyping"),
    "data": ("no_albumentations", "no_skimage"),
    "submodules": ("no_apex",),
    "neighbour": ("no_seaborn",),
    "prepared": (),
    "suppressed": (),
    "asked": (),
}
NEEDED = {
    "base": ("import no_lightning as L\n" + net(base="L.LightningModule"), "no_lightning"),
    "second_base": ("import no_lightning as L\n" + net(base="nn.Module, L.Mixin"), "no_lightning"),
    "unnamed": ("import no_lightning as L\n" + net(base="L.LightningModule"), "no_lightning"),
    "layer": ("from no_timm.layers import Drop\n" + net("self.drop = Drop(0.1)"), "no_timm"),
    "layer_base": (
        "from no_timm.layers import Base\nclass Block(Base):\n    pass\n" + net("self.block = Block()"),
        "no_timm",
    ),
    "width": ("import no_cfg\nWIDTH = no_cfg.get('width')\n" + net("self.b = nn.Conv2d(8, WIDTH, 3)"), "no_cfg"),
    "forward": ("from no_einops import rearrange\n" + net(forward="x = rearrange(x, 'b c h w -> b c w h')"), "no_einops"),
    "caught": (
        "import no_tqdm\n" + net("try:\n            no_tqdm.write('x')\n        except Exception:\n            pass"),
        "no_tqdm",
    ),
    "compares": ("import no_cv2\n" + net(forward="x = x if no_cv2 == 3 else x"), "no_cv2"),
    "decorator": ("import no_timm\n@no_timm.register\n" + net(), "no_timm"),
    "method": (
        "from no_typeguard import typechecked\n"
        + net().replace("    def forward", "    @typechecked\n    def forward"),
        "no_typeguard",
    ),
    "instance": ("import no_timm\n" + net("self.layers = no_timm.count()") + "net = Net()\n", "no_timm"),
    "number": ("import no_cv2\nWIDTH = int(no_cv2.width)\n" + net(), "no_cv2"),
}  # fmt: skip


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Traced]:
    """What comes of every file above, by name, all of them in one run; ``plain_`` ones without the option."""
    folder = tmp_path_factory.mktemp("stand_ins")
    sources = INERT | {name: source for name, (source, _) in NEEDED.items()}
    write(folder, {f"{name}.py": HEAD + source for name, source in sources.items()} | {"helper.py": HELPER})
    write(folder, {"away/lost.py": "WIDTH = 8\n", "near.py": HEAD + "import lost\n" + net()})
    write(folder, {"late.py": HEAD + net("import no_such_layers")})
    write(folder, {"two.py": HEAD + "import no_such_plots\n" + net(forward="raise ValueError('odd')")})
    targets = {name: f"{name}.py:Net" for name in (*sources, "near", "late", "two")}
    targets |= {"unnamed": "unnamed.py", "instance": "instance.py:net"}
    jobs = {name: Job(target, stub_missing=True, directory=folder) for name, target in targets.items()}
    jobs |= {f"plain_{name}": Job(targets[name], directory=folder) for name in ("summary", "prepared", "late")}
    return dict(zip(jobs, trace_all(list(jobs.values()), workers=2), strict=True))


@pytest.mark.parametrize("name", INERT)
def test_what_only_the_file_uses_is_replaced_and_told(traced: dict[str, Traced], name: str) -> None:
    assert traced[name].error is None
    assert traced[name].report is not None
    assert traced[name].stubs == REPLACED[name]


@pytest.mark.parametrize("name", NEEDED)
def test_what_the_network_needs_is_an_error_that_names_the_package(traced: dict[str, Traced], name: str) -> None:
    assert traced[name].report is None
    package = NEEDED[name][1]
    target = {"unnamed": "unnamed.py", "instance": "instance.py:net"}.get(name, f"{name}.py:Net")
    assert traced[name].error == f"{target} needs {package}: pip install {package}"


def test_without_the_option_nothing_is_replaced_and_it_is_offered(traced: dict[str, Traced]) -> None:
    assert traced["plain_summary"].report is None
    assert traced["plain_summary"].stubs == ()
    assert traced["plain_summary"].error == (
        "summary.py cannot be imported: No module named 'no_torchsummary' (summary.py, line 3): "
        "pip install no_torchsummary, or --stub-missing if the network does without it"
    )
    assert traced["plain_prepared"].report is not None


@pytest.mark.parametrize("name", ["late", "plain_late"])
def test_a_package_that_a_constructor_imports_is_not_replaced(traced: dict[str, Traced], name: str) -> None:
    assert traced[name].error == (
        "late.py:Net cannot be built: No module named 'no_such_layers' (late.py, line 7): pip install no_such_layers"
    )


def test_a_neighbour_in_another_folder_is_not_replaced(traced: dict[str, Traced]) -> None:
    assert traced["near"].error == (
        "near.py cannot be imported: No module named 'lost' (near.py, line 3): it lies in away, start there"
    )


def test_an_error_of_the_file_itself_says_what_was_replaced(traced: dict[str, Traced]) -> None:
    error = traced["two"].error or ""
    assert "ValueError: odd" in error
    assert error.endswith("; not installed, with a stand-in instead: no_such_plots")


def test_the_fields_of_a_network_are_the_same_with_stand_ins(traced: dict[str, Traced], tmp_path: Path) -> None:
    write(tmp_path, {"net.py": HEAD + net()})
    plain = trace_all([Job("net.py:Net", directory=tmp_path)])[0].report
    found = traced["plots"].report
    assert plain is not None
    assert found is not None
    assert found.layers == plain.layers
