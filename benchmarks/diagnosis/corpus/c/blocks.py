"""What the authors of these programs share: raw images, an order of batches, and a plain accuracy."""

import numpy as np
import torch

from makeweight.data.dataset import prepare


def fashion(seed, n, held_out=1000, classes=range(10)):
    """Raw (n, 1, 28, 28) uint8 images and labels 0..k-1 for training, then the same for validation."""
    data = prepare("fashion-mnist").training_images()
    classes = torch.tensor(sorted(classes))
    labels = torch.from_numpy(np.array(data.labels))
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    rows = order[torch.isin(labels[order], classes)][: n + held_out]
    images, labels = torch.from_numpy(np.array(data.images[rows.numpy()])), torch.searchsorted(classes, labels[rows])
    return images[:n], labels[:n], images[n:], labels[n:]


def digits(seed=0, n=1438):
    """Raw (n, 1, 8, 8) uint8 digits for training, and the 359 of the test set for validation."""
    data = prepare("digits")
    training, test = data.training_images(), data.test_images()
    rows = torch.randperm(len(training.labels), generator=torch.Generator().manual_seed(seed))[:n].numpy()
    arrays = training.images[rows], training.labels[rows], test.images, test.labels
    return tuple(torch.from_numpy(np.array(array)) for array in arrays)


def standard(images, *others):
    """Scale to 0..1, then to mean 0 and deviation 1 by the two numbers of the first set."""
    mean, std = images.float().div(255).mean(), images.float().div(255).std()
    return tuple((each.float() / 255 - mean) / std for each in (images, *others))


def train(step, images, labels, *, steps, batch=64, seed=0):
    """Reshuffled epochs, without a DataLoader's overhead."""
    generator = torch.Generator().manual_seed(seed)
    done = 0
    while done < steps:
        for rows in torch.randperm(len(labels), generator=generator).split(batch):
            if len(rows) == batch and done < steps:
                step(images[rows], labels[rows])
                done += 1


def accuracy(model, images, labels):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        right = sum(
            (model(x).argmax(1) == y).sum().item() for x, y in zip(images.split(500), labels.split(500), strict=True)
        )
    model.train(was_training)
    return right / len(labels)
