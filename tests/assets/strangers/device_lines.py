# ruff: noqa
# Style: a script: a device line at the top, a summary and a training loop behind the guard.
# RF: 3, 5 (s2) | 9, 17 (d2, jump 2), 21 (s2) | depthwise 29 (jump 4), 37 (s2) | 53 (jump 8) | 4x4 map: 53 + 3*8 = 77.
# Verdict: everything holds.
import torch
import torch.nn as nn

use_cuda = torch.cuda.is_available()
device = torch.device("cuda" if use_cuda else "cpu")
torch.manual_seed(1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Sequential(
            nn.Conv2d(3, 16, 3, 1, 1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 24, 3, 2, 1)
        )
        self.layer2 = nn.Sequential(
            nn.Conv2d(24, 32, 3, 1, 1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Conv2d(32, 32, 3, 1, 2, 2),
            nn.Conv2d(32, 32, 3, 2, 1),
        )
        self.layer3 = nn.Sequential(
            nn.Conv2d(32, 32, 3, 1, 1, groups=32), nn.Conv2d(32, 48, 1), nn.Conv2d(48, 48, 3, 2, 1)
        )
        self.layer4 = nn.Sequential(nn.Conv2d(48, 64, 3, 1, 1), nn.BatchNorm2d(64), nn.ReLU())
        self.gap = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        x = self.gap(x)
        return self.fc(torch.flatten(x, 1))


if __name__ == "__main__":
    from torchsummary import summary

    model = Net().to(device)
    print(summary(model, input_size=(3, 32, 32)))
    for epoch in range(50):
        print("EPOCH:", epoch)
